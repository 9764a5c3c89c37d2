package store

import (
	"context"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/diglot/diglot/core"
)

// RunMigration runs one migration file as golang-migrate does.
func RunMigration(ctx context.Context, conn *pgx.Conn, version int, sql string) error {
	d, err := newMigrationDriver(ctx, conn)
	if err != nil {
		return err
	}
	if err := d.SetVersion(version, true); err != nil {
		return err
	}
	if err := d.Run(strings.NewReader(sql)); err != nil {
		return err
	}
	return d.SetVersion(version, false)
}

// TenantSetting gives what a connection of the store says of app.tenant_id.
func (s *Store) TenantSetting(ctx context.Context) (setting string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT COALESCE(current_setting('app.tenant_id', true), '')`).Scan(&setting)
	return setting, err
}

// StopChaining has nobody but readers put entries into their chains.
func (s *Store) StopChaining() { s.chainer.close() }

// Statements gives the SQL of each prepared statement by its name.
func Statements() map[string]string {
	out := make(map[string]string, len(statements))
	for _, st := range statements {
		out[st.name] = st.sql
	}
	return out
}

// QueryInTenant runs any SQL as the use cases run theirs, and gives the first
// column of each row.
func (s *Store) QueryInTenant(ctx context.Context, tenant core.TenantID, sql string) (texts []string, err error) {
	err = s.inTenant(ctx, tenant, begin, &call{sql: sql, each: func(r *row) error {
		texts = append(texts, r.text())
		return nil
	}})
	return texts, err
}

// The shape of the notification and migration protocols, for tests that take
// the other side.
const (
	MigrationLock = migrationLock
	AnswerTimeout = answerTimeout
)

// Impatient gives a connection as a [Runtime] store uses it.
func Impatient(conn net.Conn) net.Conn { return &impatientConn{Conn: conn} }

// Turns are how a store's pool is shared.
type Turns = turns

// SharedConns is sharedConns.
var SharedConns = sharedConns

// NewTurns shares so many connections.
func NewTurns(conns int) *Turns { return newTurns(conns) }

// Take is take.
func (t *turns) Take(ctx context.Context, tenant core.TenantID) (*lane, error) {
	return t.take(ctx, tenant)
}

// End is end.
func (t *turns) End(l *lane) { t.end(l) }

// Lanes is how many tenants have or want a connection.
func (t *turns) Lanes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lanes)
}

// SelectDeleted is the statement of DeletedMCPServers.
const SelectDeleted = selectDeleted

// ChangesSQL is what reads changes on a condition, up to $3 of them.
func ChangesSQL(condition string, newest bool) string { return changesSQL(condition, newest, 3) }
