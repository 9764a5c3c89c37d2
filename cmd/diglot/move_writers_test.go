package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// serverClient is a client of either kind.
type serverClient interface {
	create(ctx context.Context, n int) (id, name string, err error)
	rename(ctx context.Context, id, name string) error
	remove(ctx context.Context, id string) error
	// id gives what it knows a server of a move by.
	id(m *mover, e *move.Entry) string
}

func refoldClient(t *testing.T, v *standIn) *refoldclient.Client {
	t.Helper()
	c, err := refoldclient.New(vendorhttp.Options{Base: v.url, Now: time.Now},
		refoldclient.Credentials{APIKey: vendorhttp.Secret(v.keys["key"][1]), LinkedAccount: testAccount})
	require.NoError(t, err)
	return c
}

func chatClient(t *testing.T, v *standIn) *cometclient.Client {
	t.Helper()
	c, err := cometclient.New(vendorhttp.Options{Base: v.url, Now: time.Now}, cometclient.Credentials{APIKey: vendorhttp.Secret(v.keys["apikey"][1])})
	require.NoError(t, err)
	return c
}

type refoldWriter struct{ *refoldclient.Client }

func (w refoldWriter) create(ctx context.Context, n int) (id, name string, err error) {
	s, err := w.CreateMCPServer(ctx, refoldclient.NewMCPServer{Name: fmt.Sprint(clientsName, "refold ", n), Description: "Made on the way."})
	if err != nil {
		return "", "", err
	}
	return s.ID.Value, s.Name.Value, nil
}

func (w refoldWriter) rename(ctx context.Context, id, name string) error {
	_, err := w.UpdateMCPServer(ctx, id, refoldclient.MCPServerUpdate{Name: &name})
	return err
}

func (w refoldWriter) remove(ctx context.Context, id string) error { return w.DeleteMCPServer(ctx, id) }

func (w refoldWriter) id(m *mover, e *move.Entry) string {
	if m.out {
		return e.Record.ID
	}
	return e.There
}

type chatWriter struct{ *cometclient.Client }

func (w chatWriter) create(ctx context.Context, n int) (id, name string, err error) {
	in := cometclient.NewMCPServer{Name: fmt.Sprint(clientsName, "chat ", n), Slug: fmt.Sprint("clients-chat-", n), URL: "https://mcp.example.com/"}
	s, err := w.CreateMCPServer(ctx, in)
	if err != nil {
		return "", "", err
	}
	return s.Slug.Value, s.Name.Value, nil
}

func (w chatWriter) rename(ctx context.Context, slug, name string) error {
	_, err := w.UpdateMCPServer(ctx, slug, cometclient.MCPServerUpdate{Name: &name})
	return err
}

func (w chatWriter) remove(ctx context.Context, slug string) error {
	return w.DeleteMCPServer(ctx, slug)
}

func (w chatWriter) id(m *mover, e *move.Entry) string {
	if m.out {
		return e.Slug
	}
	return e.ToSlug
}
