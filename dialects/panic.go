package dialects

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// PanicAttrs says of a panic what may be logged, while it is being recovered from:
// what the runtime itself found wrong, else the type of what was thrown and
// nothing of what that says, which may be a client's; and where it was.
func PanicAttrs(p any) []slog.Attr {
	text := fmt.Sprintf("%T", p)
	if err, ok := p.(runtime.Error); ok {
		text = err.Error()
	}
	return []slog.Attr{slog.String("panic", text), slog.String("stack", string(debug.Stack()))}
}
