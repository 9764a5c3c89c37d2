package store

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/golang-migrate/migrate/v4/source"

	"github.com/diglot/diglot/migrations"
)

// Loss is what goes with a migration that is taken back.
type Loss struct {
	Version uint
	Name    string   // as its files have it: record_changes
	Tables  []string // that are dropped
	Columns []string // that are dropped: table.column
	Rows    []string // tables that lose some of their rows
}

var (
	sqlComment  = regexp.MustCompile(`--[^\n]*`)
	dropTable   = regexp.MustCompile(`(?i)^DROP TABLE (?:IF EXISTS )?(.*)$`)
	alterTable  = regexp.MustCompile(`(?i)^ALTER TABLE (?:ONLY )?(\w+)`)
	dropColumn  = regexp.MustCompile(`(?i)\bDROP COLUMN (?:IF EXISTS )?(\w+)`)
	deleteFrom  = regexp.MustCompile(`(?i)^DELETE FROM (\w+)`)
	sqlSpace    = regexp.MustCompile(`\s+`)
	tableOfList = regexp.MustCompile(`\w+`)
)

// Losses gives what [Down] takes with it from a version of the schema, the newest
// migration first: what the files of the migrations say.
func Losses(version uint, steps int) ([]Loss, error) {
	names, err := fs.Glob(migrations.FS, "*.down.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var list []Loss
	for _, name := range slices.Backward(names) {
		m, err := source.Parse(name)
		if err != nil {
			return nil, err
		}
		if m.Version > version || steps != All && len(list) == steps {
			continue
		}
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return nil, err
		}
		loss := Loss{Version: m.Version, Name: m.Identifier}
		loss.read(string(text))
		list = append(list, loss)
	}
	return list, nil
}

func (l *Loss) read(sql string) {
	for statement := range strings.SplitSeq(sqlComment.ReplaceAllString(sql, ""), ";") {
		statement = strings.TrimSpace(sqlSpace.ReplaceAllString(statement, " "))
		if m := dropTable.FindStringSubmatch(statement); m != nil {
			l.Tables = append(l.Tables, tableOfList.FindAllString(m[1], -1)...)
		}
		if m := deleteFrom.FindStringSubmatch(statement); m != nil {
			l.Rows = append(l.Rows, m[1])
		}
		if m := alterTable.FindStringSubmatch(statement); m != nil {
			for _, column := range dropColumn.FindAllStringSubmatch(statement, -1) {
				l.Columns = append(l.Columns, m[1]+"."+column[1])
			}
		}
	}
}

// String names what goes.
func (l Loss) String() string {
	var parts []string
	for _, p := range []struct {
		one, more string
		of        []string
	}{{"table", "tables", l.Tables}, {"column", "columns", l.Columns}, {"rows of table", "rows of tables", l.Rows}} {
		switch len(p.of) {
		case 0:
		case 1:
			parts = append(parts, p.one+" "+p.of[0])
		default:
			parts = append(parts, p.more+" "+strings.Join(p.of, ", "))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no data"}
	}
	return fmt.Sprintf("migration %d (%s): %s", l.Version, strings.ReplaceAll(l.Name, "_", " "), strings.Join(parts, "; "))
}

// Running tells how many instances serve from a database: those that watch it, and
// know a secret. One that has lost its watch at the moment, and builds of before
// migration 000011, are not heard.
func Running(ctx context.Context, url string) (int, error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer closeConn(ctx, conn)
	n, err := instancesBelow(ctx, conn, 0)
	return n, wrap(err, "database", "count instances")
}
