package gateway

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/swaggest/swgui/v5/static"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// DocsPath is where a browser finds the page; what the page needs is below it.
const DocsPath = "/docs"

// openAPIPath begins the path of every OpenAPI document.
const openAPIPath = "/openapi/"

// Documentation is OpenAPI documents and the page that shows them.
type Documentation struct {
	documents map[string][]byte // by path
	start     string            // the page's script, in docs, which lists them too
}

// publicDocs are the dialects'.
var publicDocs = Documentation{map[string][]byte{
	openAPIPath + "refold.yaml":    refold.OpenAPI(core.RefoldLegacy),
	openAPIPath + "refold-v3.yaml": refold.OpenAPI(core.RefoldV3),
	openAPIPath + "cometchat.yaml": cometchat.OpenAPI(),
}, "start.js"}

// Documents gives the dialects' OpenAPI documents by the path that each is
// served at. Nobody may change them.
func Documents() map[string][]byte { return publicDocs.documents }

// AdminDocs is the page of the admin API, which serves its document itself.
var AdminDocs = Documentation{nil, "start-admin.js"}

// page is Diglot's part of the page, the other is Swagger UI. Its module's own
// handler is not used: it brings a template engine that makes the program a
// quarter larger.
//
//go:embed docs
var page embed.FS

// ownHost keeps a browser from asking any other host for the page's sake.
// Swagger UI sets styles in its elements, and its pictures are in its styles.
// Nobody frames it: people type their keys there.
const ownHost = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// IsDocs reports whether a path is a document's or the page's.
func IsDocs(p string) bool {
	return p == DocsPath || strings.HasPrefix(p, DocsPath+"/") || strings.HasPrefix(p, openAPIPath)
}

// Serve serves the OpenAPI documents and a page that shows them. All of it
// comes out of the program: the page works without a way to anywhere else.
func (d Documentation) Serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		Answer(w, http.StatusMethodNotAllowed, map[string]string{"error": "no such method"})
		return
	}
	if document, ok := d.documents[r.URL.Path]; ok {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		ServeDocument(w, r, document)
		return
	}
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, DocsPath), "/")
	switch name {
	case "":
		name = "index.html"
	case publicDocs.start:
		name = d.start
	case AdminDocs.start:
		name = "" // by its own name it is nobody's
	}
	text, ok := asset(w, r, name)
	if !ok {
		noSuchPath(w)
		return
	}
	w.Header().Set("Content-Security-Policy", ownHost)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

// ServeDocument answers with an OpenAPI document.
func ServeDocument(w http.ResponseWriter, r *http.Request, document []byte) {
	w.Header().Set("Content-Type", "application/yaml")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document))
}

// asset gives a file of the page. Swagger UI's are compressed, and stay so for
// a client that takes them.
func asset(w http.ResponseWriter, r *http.Request, name string) ([]byte, bool) {
	if text, err := page.ReadFile("docs/" + name); err == nil {
		return text, true
	}
	if text, err := fs.ReadFile(static.FS, name); err == nil && !strings.HasSuffix(name, ".gz") {
		return text, true
	}
	text, err := fs.ReadFile(static.FS, name+".gz")
	if err != nil {
		return nil, false
	}
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		return text, true
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, false
	}
	text, err = io.ReadAll(z)
	return text, err == nil
}
