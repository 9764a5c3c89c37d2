package dialects

import "bytes"

// wholeSurrogates makes of each escape in JSON that is half a surrogate pair one
// of U+FFFD, in place: JavaScript's parser takes such a half, and a database that
// keeps UTF-8 has none. What is no JSON stays none.
func wholeSurrogates(text []byte) {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return
		}
		text = text[i:]
		half, isHalf := surrogate(text)
		switch {
		case !isHalf:
			text = text[min(2, len(text)):]
			continue
		case half == highHalf:
			if next, ok := surrogate(text[escapeBytes:]); ok && next == lowHalf {
				text = text[2*escapeBytes:]
				continue
			}
		}
		copy(text[len(`\u`):escapeBytes], "fffd")
		text = text[escapeBytes:]
	}
}

const escapeBytes = len(`\uffff`)

// The halves of a surrogate pair.
const (
	highHalf = iota // \ud800 to \udbff
	lowHalf         // \udc00 to \udfff
)

// surrogate reports whether a text begins with the escape of half a surrogate
// pair, and which.
func surrogate(text []byte) (half int, ok bool) {
	if len(text) < escapeBytes || text[0] != '\\' || text[1] != 'u' || text[2]|' ' != 'd' || !isHex(text[4]) || !isHex(text[5]) {
		return 0, false
	}
	switch text[3] {
	case '8', '9', 'a', 'b', 'A', 'B':
		return highHalf, true
	case 'c', 'd', 'e', 'f', 'C', 'D', 'E', 'F':
		return lowHalf, true
	}
	return 0, false
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|' ' >= 'a' && c|' ' <= 'f' }
