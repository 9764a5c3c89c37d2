package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are the lines that --help shows of commands, by their names.
var examples = map[string][]string{
	"serve": {
		"diglot serve --demo",
		"diglot serve --memory --demo",
		"DIGLOT_DATABASE_URL=postgres://… DIGLOT_SECRET_FILE=/run/secrets/diglot diglot serve --addr :8080 --ops-addr :9090",
	},
	"migrate up":     {"diglot migrate up"},
	"migrate status": {"diglot migrate status -o json"},
	"tenant create": {
		"diglot tenant create --name acme --refold-org 6698b77a733c5ebd8908189e --refold-env test --cometchat-app my-app --cometchat-region us",
		"diglot tenant create --name beta --cometchat-app beta --cometchat-region eu --rate 6000 --max-servers 100",
	},
	"tenant list":        {"diglot tenant list"},
	"tenant show":        {"diglot tenant show acme -o yaml"},
	"account create":     {"diglot account create --tenant acme --id customer@example.com"},
	"account list":       {"diglot account list --tenant acme"},
	"account show":       {"diglot account show customer@example.com --tenant acme"},
	"account delete":     {"diglot account delete customer@example.com --tenant acme"},
	"token create":       {"diglot token create --tenant acme --account customer@example.com --ttl 1h"},
	"session list":       {"diglot session list --tenant acme --account customer@example.com"},
	"session revoke":     {"diglot session revoke --tenant acme --account customer@example.com --all"},
	"signing-key rotate": {"diglot signing-key rotate"},
	"signing-key list":   {"diglot signing-key list"},
	"signing-key retire": {"diglot signing-key retire first"},
	"secret rotate":      {"DIGLOT_SECRET_FILE=new DIGLOT_SECRET_PREVIOUS_FILE=old diglot secret rotate"},
	"secret list":        {"diglot secret list"},
	"secret retire":      {"diglot secret retire 1"},
	"server list":        {"diglot server list --tenant acme", "diglot server list --tenant acme --deleted"},
	"server history":     {"diglot server history weather --tenant acme"},
	"server revert":      {"diglot server revert weather --tenant acme --revision 2"},
	"server undelete":    {"diglot server undelete 686e2393750d509493c6d87d --tenant acme"},
	"audit list": {
		"diglot audit list --tenant acme --since 24h --action delete",
		"diglot audit list --kind operator",
	},
	"audit verify": {"diglot audit verify --tenant acme", "diglot audit verify acme.jsonl"},
	"audit export": {"diglot audit export --tenant acme --file acme.jsonl"},
	"audit prune":  {"diglot audit prune --undelete-for 720h"},
	"move plan": {
		"DIGLOT_FROM_KEY_FILE=refold.key diglot move plan --from refold:https://app.refold.ai --from-account customer@example.com --to tenant:acme --run acme",
	},
	"move apply":    {"DIGLOT_FROM_KEY_FILE=refold.key diglot move apply --run acme"},
	"move resume":   {"DIGLOT_FROM_KEY_FILE=refold.key diglot move resume --run acme"},
	"move catch-up": {"DIGLOT_FROM_KEY_FILE=refold.key diglot move catch-up --run acme --delete"},
	"move status":   {"diglot move status --run acme -o json"},
	"move verify":   {"DIGLOT_FROM_KEY_FILE=refold.key diglot move verify --run acme"},
	"move undo":     {"diglot move undo --run acme"},
	"move report":   {"diglot move report --run acme --format html > acme.html"},
	"shadow report": {
		"diglot shadow report shadow.jsonl --since 24h",
		"diglot shadow report shadow.jsonl --tenant acme --fail-over 0.1",
	},
	"version": {"diglot version -o json"},
}

// addExamples has the help of cmd, and of those below it, show their examples.
func addExamples(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		addExamples(below)
	}
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	if lines := examples[name]; len(lines) > 0 {
		cmd.Example = "  " + strings.Join(lines, "\n  ")
	}
}
