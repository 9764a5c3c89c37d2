package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

// Each statement must find its rows by the index that has all of its columns,
// also where tenants have about one server each and the tenant alone seems
// enough: see the migration that makes the indexes.
func TestEachStatementIsServedByItsIndex(t *testing.T) {
	t.Parallel()
	wanted := map[string]string{
		"mcp_server_by_id": "mcp_server_pkey", "mcp_server_by_slug": "mcp_server_slug_key",
		"update_mcp_server_by_id": "mcp_server_pkey", "update_mcp_server_by_slug": "mcp_server_slug_key",
		"delete_mcp_server_by_id": "mcp_server_pkey", "delete_mcp_server_by_slug": "mcp_server_slug_key",
		"mcp_server_count": "mcp_server_place_key", "mcp_server_page": "mcp_server_place_key", "mcp_server_page_back": "mcp_server_place_key",
		"mcp_servers_after": "mcp_server_place_key", "mcp_servers_before": "mcp_server_place_key",
		"insert_mcp_server_at":   "mcp_server_name_key mcp_server_place_key tenant_pkey",
		"insert_mcp_server_next": "mcp_server_name_key mcp_server_place_key mcp_server_place_key mcp_server_place_key tenant_pkey",
		"mcp_server_taken":       "mcp_server_pkey mcp_server_name_key mcp_server_slug_key mcp_server_place_key mcp_server_place_key tenant_pkey",

		"account_by_id": "linked_account_pkey", "delete_account": "linked_account_pkey",
		"create_account": "", "upsert_account": "",
		"update_account": "linked_account_pkey linked_account_pkey session_token_pkey",
		"account_count":  "linked_account_order_idx", "account_page": "linked_account_order_idx",
		"account_page_back": "linked_account_order_idx",

		"hold_account": "linked_account_pkey", "delete_expired_sessions": "session_token_expiry_idx session_token_pkey",
		"delete_revoked_sessions": "session_token_revoked_idx session_token_pkey",
		"issue_session":           "linked_account_pkey session_token_live_idx session_token_pkey",
		"revoke_session":          "session_token_pkey linked_account_pkey",
		"revoke_sessions":         "session_token_pkey linked_account_pkey",

		"accounts_after": "linked_account_order_idx", "sessions_after": "session_token_pkey linked_account_pkey",

		"mcp_server_by_id_by_session": "session_token_pkey linked_account_pkey mcp_server_pkey",
		"account_by_id_by_session":    "session_token_pkey linked_account_pkey linked_account_pkey",

		"replace_mcp_server": "mcp_server_pkey", "replace_agent": "agent_pkey mcp_server_slug_key",
		"replace_account": "linked_account_pkey",

		"kept_answer": "kept_answer_pkey", "delete_expired_answer": "kept_answer_pkey",
		"delete_expired_answers": "kept_answer_expiry_idx kept_answer_pkey",
		"keep_mcp_server_answer": "mcp_server_pkey", "keep_agent_answer": "agent_pkey",
		"keep_account_answer": "linked_account_pkey",

		"agent_by_uid": "agent_pkey", "delete_agent": "agent_pkey",
		"agents_after": "agent_place_key", "agents_before": "agent_place_key",
		"hold_mcp_servers":  "mcp_server_slug_key",
		"update_agent":      "agent_pkey mcp_server_slug_key",
		"insert_agent_at":   "mcp_server_slug_key tenant_pkey",
		"insert_agent_next": "mcp_server_slug_key agent_place_key agent_place_key tenant_pkey",
		"agent_taken":       "agent_pkey agent_place_key tenant_pkey",
	}
	statements := store.Statements()
	conn := connect(t, storetest.New(t))
	check := func(t *testing.T) {
		t.Helper()
		for name, indexes := range wanted {
			exec(t, conn, "BEGIN; SET LOCAL ROLE diglot_runtime; SET LOCAL plan_cache_mode = force_generic_plan; "+
				"SET LOCAL app.tenant_id = '"+string(core.NewTenantID())+"'")
			description, err := conn.Prepare(t.Context(), name, statements[name])
			require.NoError(t, err, name)
			nulls := strings.TrimSuffix(strings.Repeat("NULL,", len(description.ParamOIDs)), ",")
			var used []string
			plan := query[string](t, conn, "EXPLAIN EXECUTE "+name+"("+nulls+")")
			for _, line := range plan {
				require.NotContains(t, strings.ReplaceAll(line, "Seq Scan on signing_key", "a few rows"), "Seq Scan")
				if _, index, ok := strings.Cut(line, " using "); ok && !strings.HasPrefix(index, "signing_key_pkey ") { // a few rows
					used = append(used, strings.Fields(index)[0])
				}
			}
			require.ElementsMatch(t, strings.Fields(indexes), used, "%s:\n%s", name, strings.Join(plan, "\n"))
			exec(t, conn, "ROLLBACK; DEALLOCATE ALL")
			require.NoError(t, conn.DeallocateAll(t.Context()))
		}
	}
	check(t)                                                // an empty table
	exec(t, conn, "SET session_replication_role = replica") // a history of these is of no use here
	exec(t, conn, `INSERT INTO tenant (id, name, refold_org_id, refold_environment, created_at)
		SELECT gen_random_uuid(), i, i, 'test', now() FROM generate_series(1, 3000) i`)
	exec(t, conn, `INSERT INTO mcp_server (tenant_id, id, slug, name, name_digest, place, created_at, updated_at)
		SELECT t.id, decode(lpad(i::text, 24, '0'), 'hex'), i, i, sha256(i::text::bytea), i, now(), now()
		FROM tenant t, LATERAL generate_series(1, CASE WHEN t.name = '1' THEN 1000 ELSE 1 END) i`)
	exec(t, conn, `INSERT INTO agent (tenant_id, uid, name, name_folded, active, mcp_servers, place, created_at, updated_at)
		SELECT tenant_id, gen_random_uuid(), name, name, true, ARRAY[slug], place, now(), now() FROM mcp_server`)
	exec(t, conn, `INSERT INTO linked_account (tenant_id, id, created_at) SELECT tenant_id, name, now() FROM mcp_server`)
	exec(t, conn, `INSERT INTO session_token (tenant_id, account, issued_at, expires_at, key_id, refresh_expires_at, account_object_id, revoked_at)
		SELECT tenant_id, id, i, i + 1, '', i + 2, object_id, CASE WHEN i > 1 THEN now() END FROM linked_account, generate_series(1, 2) i`)
	exec(t, conn, `INSERT INTO kept_answer (tenant_id, scope, key, digest, status, body, version, view, expires_at)
		SELECT tenant_id, 'scope', name, sha256(''), 201, '', '', '', now() FROM mcp_server`)
	exec(t, conn, "ANALYZE")
	check(t) // small tenants and a big one
}
