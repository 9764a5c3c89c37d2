package vendorhttp

import (
	"context"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Kept is a pointer to a record that keeps its text, as [dialects.Raw] does.
type Kept[T any] interface {
	*T
	Keep(text core.JSON)
}

// Read reads one record, of which members may be missing, unknown or of another
// type. [ErrAnswer] where it is no object.
func Read[T any, P Kept[T]](text core.JSON) (*T, error) {
	out := new(T)
	if len(text) == 0 || text[0] != '{' || dialects.Decode(text, out) != nil {
		return nil, ErrAnswer
	}
	P(out).Keep(text)
	return out, nil
}

// ReadAll reads each of some records.
func ReadAll[T any, P Kept[T], V ~[]byte](texts []V) (records []*T, err error) {
	records = make([]*T, len(texts))
	for i, text := range texts {
		if records[i], err = Read[T, P](core.JSON(text)); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// Record sends a request and reads its answer, which is one record.
func Record[T any, P Kept[T]](ctx context.Context, c *Client, r Request) (*T, error) {
	res, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	return RecordOf[T, P](res)
}

// RecordOf reads an answer that is one record.
func RecordOf[T any, P Kept[T]](res *Response) (*T, error) {
	out, err := Read[T, P](res.Body)
	if err != nil {
		return nil, res.Unreadable(err)
	}
	return out, nil
}

// Object reads an answer that is an object around records.
func (r *Response) Object(into any) error {
	if len(r.Body) == 0 || r.Body[0] != '{' || dialects.Decode(r.Body, into) != nil {
		return r.Unreadable(ErrAnswer)
	}
	return nil
}
