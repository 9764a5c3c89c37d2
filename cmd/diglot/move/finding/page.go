package finding

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"
)

// This file is the report as a page. It is written by hand and not by
// html/template: that finds methods by their names, so that the linker has to keep
// every exported method of the whole program, which made it by a fifth larger.

//go:embed head.html
var head string

// section is a class with what of it the page shows.
type section struct {
	Count

	Meaning string
	Groups  []group
}

// group is the records of which the same field has the same fate.
type group struct {
	Source     string
	Kind       Kind
	Path       string
	Reason     string
	Suggestion string
	Records    []Record
}

// fate is what a group's findings have in common.
type fate struct {
	source                   string
	kind                     Kind
	path, reason, suggestion string
}

var meanings = map[Class]string{
	Unsupported: "These fields do not go along. There is no place for them.",
	Manual:      "These fields need somebody to do something.",
	Approximate: "These fields go along as something that means nearly the same.",
	Exact:       "These fields go along to the last digit.",
}

func (r *Report) sections() []section {
	out := make([]section, len(r.Counts))
	for i, c := range r.Counts {
		out[i] = section{Count: c, Meaning: meanings[c.Class]}
		at := map[fate]int{}
		for _, f := range r.Findings {
			if f.Class != c.Class {
				continue
			}
			key := fate{f.Record.Source, f.Record.Kind, f.Path, f.Reason, f.Suggestion}
			n, known := at[key]
			if !known {
				n = len(out[i].Groups)
				at[key] = n
				out[i].Groups = append(out[i].Groups, group{
					Source: f.Record.Source, Kind: f.Record.Kind, Path: f.Path, Reason: f.Reason, Suggestion: f.Suggestion,
				})
			}
			out[i].Groups[n].Records = append(out[i].Groups[n].Records, f.Record)
		}
	}
	return out
}

// pageWriter writes HTML. Whatever comes from a record goes through text.
type pageWriter struct{ strings.Builder }

// tag writes markup, in which each %v is text.
func (p *pageWriter) tag(markup string, texts ...any) {
	for i, t := range texts {
		texts[i] = text(fmt.Sprint(t))
	}
	_, _ = fmt.Fprintf(p, markup, texts...)
}

// text is a text as an element's content or an attribute's value in quotes.
func text(s string) string {
	return html.EscapeString(strings.ReplaceAll(s, "\x00", "\uFFFD")) // a page has no NUL
}

// WriteHTML writes the report as one page that asks for nothing else: no
// script, no image, no font. Whatever a vendor sent is text in it.
func (r *Report) WriteHTML(w io.Writer) error {
	var p pageWriter
	_, _ = p.WriteString(strings.Replace(head, titleHere, text(r.Title), 1)) // a builder takes all
	p.tag("<h1>%v</h1>\n", r.Title)
	p.tag("<p>From <strong>%v</strong> to <strong>%v</strong>, %v. %v records were looked at, field by field.</p>\n",
		r.From, r.To, r.At.Format("2006-01-02 15:04:05 MST"), r.Records)
	sections := r.sections()
	p.tag(`<table>
<thead><tr><th scope="col">What becomes of a field</th><th scope="col" class="number">Fields</th><th scope="col" class="number">Records</th></tr></thead>
<tbody>
`)
	for _, s := range sections {
		p.tag(`<tr><td><a href="#%v">%v</a>: %v</td><td class="number">%v</td><td class="number">%v</td></tr>`+"\n",
			s.Class, s.Class, s.Meaning, s.Fields, s.Records)
	}
	p.tag("</tbody>\n</table>\n")
	for _, l := range r.outcomes() {
		p.outcomes(l)
	}
	for i := range sections {
		p.section(&sections[i])
	}
	p.tag("</body>\n</html>\n")
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *pageWriter) outcomes(l outcomeList) {
	if len(l.records) == 0 {
		return
	}
	p.tag(`<h2>%v</h2>
<table>
<thead><tr><th scope="col">Record</th><th scope="col">State</th><th scope="col">Why</th></tr></thead>
<tbody>
`, l.title)
	for i := range l.records {
		o := &l.records[i]
		p.tag("<tr><td>%v %v <code>%v</code></td><td>%v</td><td>%v</td></tr>\n", o.Kind, o.Name, o.ID, o.State, o.Why)
	}
	p.tag("</tbody>\n</table>\n")
}

func (p *pageWriter) section(s *section) {
	p.tag(`<h2 id="%v" class="%v">%v</h2>`+"\n", s.Class, s.Class, s.Class)
	switch {
	case s.Fields == 0:
		p.tag("<p>None.</p>\n")
		return
	case len(s.Groups) == 0: // a run keeps how many are exact, not which
		p.tag("<p>%v</p>\n", s.Meaning)
		return
	}
	p.tag(`<p>%v</p>
<table>
<thead><tr><th scope="col">Field</th><th scope="col">Why</th><th scope="col">What to do</th><th scope="col">Records</th></tr></thead>
<tbody>
`, s.Meaning)
	for i := range s.Groups {
		g := &s.Groups[i]
		p.tag("<tr><td>%v %v<br><code>%v</code></td><td>%v</td><td>%v</td>\n", g.Source, g.Kind, g.Path, g.Reason, g.Suggestion)
		p.tag("<td><details><summary>%v</summary><ul>\n", len(g.Records))
		for _, record := range g.Records {
			p.tag("<li>%v <code>%v</code></li>\n", record.Name, record.ID)
		}
		p.tag("</ul></details></td></tr>\n")
	}
	p.tag("</tbody>\n</table>\n")
}

// titleHere is where the page's title goes.
const titleHere = "{{title}}"
