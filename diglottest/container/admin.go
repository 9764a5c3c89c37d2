package container

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// pollInterval is how often it is asked whether a container is ready.
const pollInterval = 20 * time.Millisecond

// Tenant is a tenant of the gateway and the credentials of its clients.
type Tenant struct {
	Name         string
	RefoldKey    string // the header x-api-key
	Account      string // the header linked_account_id: a linked account that exists
	CometChatKey string // the header apikey
	CometChatApp string // the header appid, or the first part of the host
}

// newTenant gives a tenant with keys in the vendors' shapes.
func newTenant(name string) Tenant {
	h := randomHex(16)
	return Tenant{
		Name: name, RefoldKey: "tk" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:],
		Account: "customer@example.com", CometChatKey: randomHex(20), CometChatApp: "app-" + name,
	}
}

// org is the same for a name, however often the tenant is made.
func (t Tenant) org() string {
	sum := sha256.Sum256([]byte(t.Name))
	return hex.EncodeToString(sum[:12])
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}

// admin speaks to the admin API.
type admin struct {
	url, token string
	client     *http.Client
}

// makeTenant makes a tenant, its keys and its account, whichever of them there
// isn't yet.
func (a *admin) makeTenant(ctx context.Context, t Tenant, revision string) error {
	refold := map[string]string{"org": t.org(), "env": "test"}
	if revision != "" {
		refold["revision"] = revision
	}
	below := "/tenants/" + t.Name
	for _, step := range []struct {
		path string
		body any
	}{
		{"/tenants", map[string]any{"name": t.Name, "refold": refold, "cometchat": map[string]string{"app": t.CometChatApp, "region": "us"}}},
		{below + "/keys/import", map[string]any{"dialect": "refold", "keys": []string{t.RefoldKey}}},
		{below + "/keys/import", map[string]any{"dialect": "cometchat", "keys": []string{t.CometChatKey}}},
		{below + "/accounts", map[string]string{"id": t.Account}},
	} {
		if err := a.post(ctx, step.path, step.body, nil); err != nil {
			return err
		}
	}
	return nil
}

// post has something be made; that it is there is no error.
func (a *admin) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	answer, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusConflict:
		return nil
	case res.StatusCode != http.StatusCreated:
		return fmt.Errorf("POST %s is answered %s: %s", path, res.Status, answer)
	case out != nil:
		return json.Unmarshal(answer, out)
	}
	return nil
}

// testTenant gives [DefaultTenant] as a test mode has it, by the URL of its controls.
func testTenant(ctx context.Context, controls string) (Tenant, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, controls+"/tenants", http.NoBody)
	if err != nil {
		return Tenant{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Tenant{}, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing depends on it
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return Tenant{}, err
	}
	if res.StatusCode != http.StatusOK {
		return Tenant{}, fmt.Errorf("GET %s/tenants is answered %s: %s", controls, res.Status, answer)
	}
	var found struct {
		Tenants []struct {
			Tenant       string `json:"tenant"`
			RefoldKey    string `json:"refold_key"`
			Account      string `json:"linked_account_id"`
			CometChatKey string `json:"cometchat_key"`
			CometChatApp string `json:"cometchat_app"`
		} `json:"tenants"`
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return Tenant{}, err
	}
	for _, t := range found.Tenants {
		if t.Tenant == DefaultTenant {
			return Tenant{t.Tenant, t.RefoldKey, t.Account, t.CometChatKey, t.CometChatApp}, nil
		}
	}
	return Tenant{}, fmt.Errorf("test mode has no tenant %s: %s", DefaultTenant, answer)
}
