package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

// A setting, and in test mode its tenant's revision, says how clients are answered
// whose tenant isn't known; their own header counts first.
func TestWhoIsNotKnownIsAnsweredInTheRevisionThatIsSet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		v3   bool
	}{
		{nil, false},
		{[]string{"--refold-revision", "legacy"}, false},
		{[]string{"--refold-revision", "v3"}, true},
		{[]string{"--test-refold-revision", "v3"}, true},
		{[]string{"--test-refold-revision", "v3", "--refold-revision", "legacy"}, false},
		{[]string{"--test-refold-revision", "legacy", "--refold-revision", "v3"}, true},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, nil, append([]string{"--memory", "--test-mode"}, c.args...)...)
			url, ctx := g.url+refold.Prefix, t.Context()
			if c.v3 {
				ctx = ofUnknown(ofTenant(ctx, core.RefoldV3), core.RefoldV3)
			}
			known := testmode.Tenant{Name: testmode.DefaultTenant}.Credentials()
			issued := send(t, http.MethodPost, url+"/session-token", `{"linked_account_id":"`+known.Account+`"}`, "x-api-key", known.RefoldKey, refold.RevisionHeader, "legacy")
			require.Equal(t, http.StatusOK, issued.status, issued.body)
			ended := issued.json(t)["token"].(string)
			revoked := send(t, http.MethodPost, url+"/session-token/revoke", "", "Authorization", "Bearer "+ended, refold.RevisionHeader, "legacy")
			require.Equal(t, http.StatusOK, revoked.status, revoked.body)
			for _, asked := range []struct {
				path    string
				headers []string
				failure string
			}{
				{"/mcp-servers", []string{"x-api-key", "tk-wrong", "linked_account_id", "a"}, `{"status_code":401,"http_error_type":"UNAUTHORIZED","error_code":"SERVER_ERROR","message":"Invalid Credentials"`},
				{"/mcp-servers", []string{"Authorization", "Bearer " + ended}, `{"status_code":401,"http_error_type":"UNAUTHORIZED","error_code":"SERVER_ERROR","message":"Invalid Credentials"`},
				{"/mcp-servers", nil, `{"status_code":404,"http_error_type":"NOT_FOUND","error_code":"MISSING_REQUIRED_FIELD","message":"Missing API Key"`},
				{"/nowhere", nil, `{"status_code":404,"http_error_type":"NOT_FOUND","error_code":"SERVER_ERROR","message":"Cannot GET /api/v2/public/nowhere"`},
			} {
				for header, v3 := range map[string]bool{"": c.v3, "v3": true, "legacy": false} {
					headers := asked.headers
					if header != "" {
						headers = append([]string{refold.RevisionHeader, header}, headers...)
					}
					r, err := try(ctx, http.MethodGet, url+asked.path, "", headers...)
					require.NoError(t, err)
					if v3 {
						require.Equal(t, asked.failure+"}", strings.TrimSpace(r.body), "%v", headers)
					} else {
						require.Equal(t, asked.failure+`,"request_id":"`+r.header.Get("X-Request-Id")+`"}`, strings.TrimSpace(r.body), "%v", headers)
					}
				}
			}
		})
	}
	_, stderr, err := diglot(t, []string{"DIGLOT_REFOLD_REVISION=v4"}, "serve", "--memory")
	require.Error(t, err)
	require.Contains(t, stderr, `--refold-revision is "v4": it must be legacy or v3`)
	g := startGateway(t, []string{"DIGLOT_REFOLD_REVISION=v3"}, "--memory")
	r, err := try(ofTenant(t.Context(), core.RefoldV3), http.MethodGet, g.url+refold.Prefix, "")
	require.NoError(t, err)
	require.JSONEq(t, `{"status_code":404,"http_error_type":"NOT_FOUND","error_code":"SERVER_ERROR","message":"Cannot GET /api/v2/public"}`, r.body)
}
