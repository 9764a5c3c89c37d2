package shadow

import (
	"net/http"
	"testing"
)

// Whatever two sides answer: an answer is equal to itself, differences are the same
// from either side, and there is one wherever more than noise differs.
func FuzzDifferencesAreFoundWhereThereAreSome(f *testing.F) {
	for _, pair := range [][2]string{
		{`{"_id":"686e23c7397a76e76449bc14","l":[1,2]}`, `{"_id":"507f1f77bcf86cd799439011","l":[2,1]}`},
		{`[{"slug":"a","n":1},{"slug":"b"}]`, `[{"slug":"b"},{"slug":"a","n":2},{"slug":"a"}]`},
		{`{"token":{"a":1},"at":"2026-11-21T19:11:20.594Z"}`, `{"token":{"a":2},"at":"2025-11-21T19:11:20Z"}`},
		{`1e400`, `1e401`},
		{`[[[]]]`, `{"a":{"a":{}}}`},
		{``, `null`},
		{"\xff", `"\xff"`},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		l := &lane{rule: &Rule{Values: true}}
		compare := func(a, b string) ([]Difference, string) {
			return l.compare(&job{request: &http.Request{}}, answered(a), answered(b))
		}
		for _, text := range []string{one, two} {
			if found, failed := compare(text, text); failed == "" && len(found) > 0 {
				t.Fatalf("%q differs from itself: %+v", text, found)
			}
		}
		found, failed := compare(one, two)
		back, failedBack := compare(two, one)
		if failed != failedBack && failed == "" || (len(found) == 0) != (len(back) == 0) {
			t.Fatalf("%+v %s one way, %+v %s the other", found, failed, back, failedBack)
		}
		x, y := answered(one), answered(two)
		a, err := x.value()
		if err != nil {
			return
		}
		b, err := y.value()
		if err != nil {
			return
		}
		c := &comparison{noise: l.rule.noise()}
		if typeOf(a) != "not JSON" && failed == "" && (c.node(a, &c.path).form == c.node(b, &c.path).form) != (len(found) == 0) {
			t.Fatalf("%q and %q: %+v", one, two, found)
		}
	})
}
