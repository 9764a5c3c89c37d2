package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects"
)

func (f *faulty) terminateAll(t *testing.T)      { t.Helper(); f.terminate(t, 1000) }
func (f *faulty) terminateOneByOne(t *testing.T) { t.Helper(); f.terminate(t, 1) }

// terminate goes on terminating the gateway's backends, so many at a time, until
// calm.
func (f *faulty) terminate(t *testing.T, atATime int) {
	t.Helper()
	conn := f.connect(t)
	ctx, cancel := context.WithCancel(f.ctx)
	ended := make(chan error, 1)
	f.done.Go(func() {
		for ctx.Err() == nil {
			_, err := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
				WHERE datname = current_database() AND application_name LIKE 'diglot%' ORDER BY state <> 'active', random() LIMIT $1) AS backend`, atATime)
			if err != nil {
				ended <- err
				return
			}
			pause(ctx, 2*time.Millisecond)
		}
		ended <- nil
	})
	f.storm = func() error { cancel(); return <-ended }
}

// calm ends the storm.
func (f *faulty) calm(t *testing.T) {
	t.Helper()
	require.NoError(t, f.storm())
}

// sayFull has PostgreSQL say that its disk is full: its own words, from the real
// server over the real line, also where no disk can be mounted to be filled.
func (f *faulty) sayFull(t *testing.T) {
	t.Helper()
	f.exec(t, `
		CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE INSERT ON mcp_server FOR EACH ROW EXECUTE FUNCTION full_disk();
		CREATE TRIGGER full_disk BEFORE INSERT ON agent FOR EACH ROW EXECUTE FUNCTION full_disk()`)
}

// readable requires that what is there can be read.
func (f *faulty) readable(t *testing.T) {
	t.Helper()
	for _, tenant := range f.tenants {
		require.NotEmpty(t, listed(t, f.url, tenant.credentials["apikey"]))
	}
}

func (f *faulty) sayRoom(t *testing.T) {
	t.Helper()
	f.exec(t, "DROP FUNCTION full_disk CASCADE")
}

// hungUp is what the clients that hang up ask for.
func hungUp(client, n int) (name string) { return fmt.Sprintf("acme-gone-%d-%d", client, n) }

// hangUp has a thousand clients send a creation, or half of it, and leave: by FIN
// or by RST.
func (f *faulty) hangUp(t *testing.T) {
	t.Helper()
	f.proxy.SetLatency(0, 20*time.Millisecond)
	f.twenty(t, func(client int) error {
		for n := range 50 {
			if err := f.hangUpOn(n, hungUp(client, n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// twenty does something twenty times at once.
func (f *faulty) twenty(t *testing.T, do func(client int) error) {
	t.Helper()
	var clients sync.WaitGroup
	failed := make([]error, 20)
	for i := range failed {
		clients.Go(func() { failed[i] = do(i) })
	}
	clients.Wait()
	require.NoError(t, errors.Join(failed...))
}

func hungUpBody(name string) string { return `{"name":"` + name + `","description":"d"}` }

func (f *faulty) hangUpOn(n int, name string) error {
	f.tenants[0].book.ask(name)
	address := strings.TrimPrefix(f.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	body := hungUpBody(name)
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\napikey: %s\r\n%s: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		agentsPath, address, f.tenants[0].credentials["apikey"][1], dialects.IdempotencyKeyHeader, name, len(body), body)
	if n%3 == 0 {
		request = request[:len(request)-len(body)/2]
	}
	if n%2 == 0 {
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	_, err = conn.Write([]byte(request))
	return errors.Join(err, conn.Close())
}

// askWhoHungUp has one in ten come again, under the same idempotency key.
func (f *faulty) askWhoHungUp(t *testing.T) {
	t.Helper()
	f.lift(t)
	tenant := f.tenants[0]
	f.twenty(t, func(client int) error {
		for n := client % 10; n < 50; n += 10 {
			name := hungUp(client, n)
			if err := f.askAgain(name); err != nil {
				return err
			}
			tenant.book.ack(name)
		}
		return nil
	})
}

// askAgain asks until it is served, as a slow machine may still be at what was
// asked by those who hung up.
func (f *faulty) askAgain(name string) error {
	for attempt := 1; ; attempt++ {
		r, err := try(f.ctx, http.MethodPost, f.url+agentsPath, hungUpBody(name),
			append([]string{dialects.IdempotencyKeyHeader, name}, f.tenants[0].credentials["apikey"]...)...)
		if err = want(http.StatusCreated, r, err); err == nil || attempt == 10 || r.status != http.StatusServiceUnavailable {
			return err
		}
	}
}
