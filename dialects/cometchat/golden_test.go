package cometchat_test

import (
	"net/http"
	"testing"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
	"github.com/diglot/diglot/store/memstore"
)

// dialect is what the golden runner needs of this one.
var dialect = dialecttest.Dialect{
	Name:     core.CometChat,
	NewStore: func() dialecttest.Backend { return memstore.New() },
	Handler:  handler,
	Create: `POST /v3/ai-agents/agent-builder/mcp-servers
apikey: $KEY
content-type: application/json

{"name":"Big","slug":"big","url":"http://localhost:3001","description":"$DESCRIPTION"}`,
	Read: `GET /v3/ai-agents/agent-builder/mcp-servers
apikey: $KEY`,
	Documents: []*openapitest.Document{load()},
}

func load() *openapitest.Document {
	d, err := openapitest.Load("cometchat", cometchat.OpenAPI())
	if err != nil {
		panic(err)
	}
	return d
}

func handler(w *dialecttest.World) http.Handler {
	return cometchat.New(w.Core, dialects.Options{
		Logger: w.Logger, NewRequestID: w.NewRequestID, Limits: w.Limits, Slots: w.Slots, Bodies: w.Bodies, Answers: w.Answers,
	})
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, dialect)
}

func TestReadmeNamesEveryGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Readme(t)
}

func TestGuarantees(t *testing.T) {
	t.Parallel()
	dialecttest.Guarantees(t, dialect)
}

func TestContract(t *testing.T) {
	t.Parallel()
	dialecttest.Contract(t, dialect, nil)
}

func TestExamples(t *testing.T) {
	t.Parallel()
	dialecttest.Examples(t)
}
