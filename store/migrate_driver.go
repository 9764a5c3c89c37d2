package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
)

// migrationDriver lets golang-migrate run over a pgx connection. Unlike
// golang-migrate's own driver it runs each file in one transaction with the
// note that it ran. So a migration that is interrupted, by kill -9 or the
// loss of the database, never happened: nobody has to mend a dirty schema.
type migrationDriver struct {
	ctx  context.Context // golang-migrate's interface has no place for it
	conn *pgx.Conn
}

var _ database.Driver = (*migrationDriver)(nil)

func newMigrationDriver(ctx context.Context, conn *pgx.Conn) (*migrationDriver, error) {
	const q = `CREATE TABLE IF NOT EXISTS schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)`
	_, err := conn.Exec(ctx, q) // as golang-migrate makes it, so that its command works too
	return &migrationDriver{ctx, conn}, err
}

// SetVersion implements [database.Driver]. golang-migrate calls it with dirty
// before it runs a file and without when it has.
func (d *migrationDriver) SetVersion(version int, dirty bool) error {
	if dirty {
		if err := d.exec("BEGIN"); err != nil {
			return err
		}
	}
	if err := d.exec("DELETE FROM schema_migrations"); err != nil {
		return err
	}
	if version >= 0 {
		if err := d.exec("INSERT INTO schema_migrations (version, dirty) VALUES ($1, $2)", version, dirty); err != nil {
			return err
		}
	}
	if !dirty && d.conn.PgConn().TxStatus() != 'I' {
		return d.exec("COMMIT")
	}
	return nil
}

// noTransaction is the first line of a file that can't run in a transaction.
const noTransaction = "-- no transaction\n"

// Run implements [database.Driver].
func (d *migrationDriver) Run(migration io.Reader) error {
	sql, err := io.ReadAll(migration)
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(sql), noTransaction) {
		if err := d.exec("COMMIT"); err != nil { // of the note that it began
			return err
		}
	}
	return d.exec(string(sql))
}

// exec undoes the transaction that is open, if any, when the statement fails.
func (d *migrationDriver) exec(sql string, args ...any) error {
	_, err := d.conn.Exec(d.ctx, sql, args...)
	if err != nil && d.conn.PgConn().TxStatus() == 'E' {
		_, rollbackErr := d.conn.Exec(d.ctx, "ROLLBACK")
		err = errors.Join(err, rollbackErr)
	}
	return err
}

// Version implements [database.Driver].
func (d *migrationDriver) Version() (version int, dirty bool, err error) {
	st, err := status(d.ctx, d.conn)
	if st.Version == 0 {
		return database.NilVersion, st.Dirty, err
	}
	return int(st.Version), st.Dirty, err
}

// Lock implements [database.Driver]: [migrated] has the lock.
func (d *migrationDriver) Lock() error { return nil }

// Unlock implements [database.Driver].
func (d *migrationDriver) Unlock() error { return nil }

// Open implements [database.Driver]; nothing opens this one by its URL.
func (d *migrationDriver) Open(string) (database.Driver, error) {
	return nil, fmt.Errorf("open migration driver: %w", errors.ErrUnsupported)
}

// Close implements [database.Driver]; [migrated] closes the connection.
func (d *migrationDriver) Close() error { return nil }

// Drop implements [database.Driver]; nothing here drops all there is.
func (d *migrationDriver) Drop() error {
	return fmt.Errorf("drop database: %w", errors.ErrUnsupported)
}
