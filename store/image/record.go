package image

import (
	"encoding/json"

	"github.com/diglot/diglot/core"
)

// Agent gives an agent's image.
func Agent(a *core.Agent) Members {
	return Members{
		{"uid", Text(string(a.UID))},
		{"name", Text(a.Name)},
		{"icon", Text(a.Icon)},
		{"active", Bool(a.Active)},
		{"description", OptText(a.Description)},
		{"instruction", OptText(a.Instruction)},
		{"model", OptText(a.Model)},
		{"mcp_servers", Texts(a.MCPServers)},
		{"tools", a.Tools},
		{"api_tools", a.APITools},
		{"frontend_actions", a.FrontendActions},
		{"files", a.Files},
		{"websites", a.Websites},
		{"other_kb_integrations", a.OtherKBIntegrations},
		{"metadata", a.Metadata},
		{"model_metadata", a.ModelMetadata},
		{"place", Int(int64(a.Place))},
		{"created_at", Time(a.CreatedAt)},
		{"updated_at", Time(a.UpdatedAt)},
		{"revision", Int(a.Revision)},
	}
}

// Account gives a linked account's image.
func Account(a *core.Account) Members {
	var fields core.JSON
	if a.Fields != nil {
		fields = core.JSON{'['}
		for i, f := range a.Fields {
			if i > 0 {
				fields = append(fields, ',')
			}
			fields = append(fields, Members{
				{"id", Text(f.ID.String())}, {"name", Text(f.Name)}, {"value", f.Value}, {"at", Int(f.CreatedAt.UnixMilli())},
			}.JSON()...)
		}
		fields = append(fields, ']')
	}
	return Members{
		{"id", Text(a.ID)},
		{"object_id", Text(a.ObjectID.String())},
		{"name", OptText(a.Name)},
		{"udf", fields},
		{"created_at", Time(a.CreatedAt)},
		{"updated_at", Time(a.UpdatedAt)},
		{"version", Int(a.Version)},
	}
}

// Key gives an API key's image: its hash is not in it.
func Key(k *core.Key) Members {
	return Members{
		{"id", Text(k.ID)},
		{"dialect", Text(string(k.Dialect))},
		{"scope", Text(string(k.Scope))},
		{"hint", Text(k.Hint)},
		{"created_at", Time(k.CreatedAt)},
		{"expires_at", OptTime(k.ExpiresAt)},
		{"revoked_at", OptTime(k.RevokedAt)},
	}
}

// Session gives a session's image; revoked is when it was, nil: it was not.
func Session(s *core.Session, revoked core.JSON) Members {
	return Members{
		{"account", Text(s.Account)},
		{"issued_at", Int(s.IssuedAt)},
		{"expires_at", Int(s.ExpiresAt)},
		{"key_id", Text(s.KeyID)},
		{"refresh_expires_at", Int(s.RefreshExpiresAt)},
		{"revoked_at", revoked},
	}
}

// Tenant gives a tenant's image.
func Tenant(t *core.Tenant) Members {
	var org, env, app, region core.JSON
	if a := t.Refold; a != nil {
		org, env = Text(a.OrgID), Text(string(a.Environment))
	}
	if a := t.CometChat; a != nil {
		app, region = Text(a.AppID), Text(a.Region)
	}
	limits, _ := json.Marshal(Limits(t.Limits)) // numbers can always be encoded
	return Members{
		{"id", Text(string(t.ID))},
		{"name", Text(t.Name)},
		{"refold_org_id", org},
		{"refold_environment", env},
		{"cometchat_app_id", app},
		{"cometchat_region", region},
		{"url_template", Text(t.URLTemplate)},
		{"created_at", Time(t.CreatedAt)},
		{"refold_revision", Text(string(t.RefoldRevision))},
		{"require_accounts", Bool(t.RequireAccounts)},
		{"protect_servers", Bool(t.ProtectServers)},
		{"status", Text(t.Status.String())},
		{"strong_etags", Bool(t.StrongETags)},
		{"require_if_match", Bool(t.RequireIfMatch)},
		{"limits", limits},
	}
}

// SigningKey gives a signing key's image.
func SigningKey(k *core.SigningKey) Members {
	return Members{
		{"id", Text(k.ID)},
		{"created_at", Time(k.CreatedAt)},
		{"retired_at", OptTime(k.RetiredAt)},
	}
}
