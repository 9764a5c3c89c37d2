package core

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Installation is whose changes those are that no tenant has, in place of a
// [TenantID]: tenants that come and go, signing keys, versions of the secret.
const Installation = "00000000-0000-0000-0000-000000000000"

// The nouns of changes.
const (
	MCPServerNoun  = "mcp_server"
	AgentNoun      = "agent"
	AccountNoun    = "linked_account"
	KeyNoun        = "api_key"
	SessionNoun    = "session_token"
	TenantNoun     = "tenant"
	SigningKeyNoun = "signing_key"
	SecretNoun     = "secret_version"
	ChangeNoun     = "change" // its record is a moment, see [PruneAction]
)

// The actions of changes.
const (
	CreateAction   = "create"
	UpdateAction   = "update"
	DeleteAction   = "delete"
	UndeleteAction = "undelete" // of a server
	IssueAction    = "issue"    // of a session
	RevokeAction   = "revoke"   // of a session or key
	RetireAction   = "retire"   // of a signing key or a version of the secret
	PruneAction    = "prune"    // of what changes were from and to, in this chain, before the moment that is the record
)

// What entries may say, in the order in which it is told.
var (
	ActorKinds     = []string{string(KeyActor), string(SessionActor), string(OperatorActor), string(DatabaseActor)}
	ChangeNouns    = []string{MCPServerNoun, AgentNoun, AccountNoun, KeyNoun, SessionNoun, TenantNoun, SigningKeyNoun, SecretNoun, ChangeNoun}
	ChangeActions  = []string{CreateAction, UpdateAction, DeleteAction, UndeleteAction, IssueAction, RevokeAction, RetireAction, PruneAction}
	ChangeDialects = []string{string(Refold), string(CometChat)}
)

// Change is one entry of a tenant's history: who changed which record, what,
// when and through what. Stores write one in the transaction of the change, for
// each record that it changes, and never change it.
//
// A tenant's entries are a chain: Seq rises by one from 1 on, and Hash is that of
// the entry and of the Hash before it, see [Change.ChainHash]. Before and After
// are JSON objects: of an update the members that differ, of a creation all, in
// After, of a deletion all, in Before. They are in the chain by their digests
// alone, so that a store may let go of them (nil) after some time.
type Change struct {
	Tenant TenantID // or [Installation]
	Seq    int64
	At     time.Time // UTC, whole microseconds
	Actor

	Action   string
	Noun     string
	Record   string // the record's id; of a session its account; of a pruning a [ChangeTime]
	Revision int64  // that the record has then, or had last; 0: it has none

	Before, After             JSON
	BeforeDigest, AfterDigest []byte // SHA-256 of what Before and After are or were; nil: of nothing
	Hash                      [32]byte
}

// ChangeTime writes a moment as the chain has it.
func ChangeTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// ImageDigest gives the digest of an image, nil for none.
func ImageDigest(image JSON) []byte {
	if image == nil {
		return nil
	}
	sum := sha256.Sum256(image)
	return sum[:]
}

// ChainHash gives the hash that the entry has behind one with the hash previous,
// nil for the first: SHA-256 of these texts, each written as its length in bytes
// in decimal, a colon, itself and a comma: previous (64 hex digits; "" for the
// first entry), tenant, seq, time ([ChangeTime]), kind of actor, actor, dialect,
// request id, action, noun, record, revision ("" for none), digest of before and
// of after (64 hex digits; "" for none).
func (c *Change) ChainHash(previous []byte) [32]byte {
	revision := ""
	if c.Revision != 0 {
		revision = strconv.FormatInt(c.Revision, 10)
	}
	b := make([]byte, 0, 512)
	for _, text := range [...]string{
		hex.EncodeToString(previous), string(c.Tenant), strconv.FormatInt(c.Seq, 10), ChangeTime(c.At),
		string(c.Kind), c.ID, c.Dialect, c.RequestID, c.Action, c.Noun, c.Record, revision,
		hex.EncodeToString(c.BeforeDigest), hex.EncodeToString(c.AfterDigest),
	} {
		b = strconv.AppendInt(b, int64(len(text)), 10)
		b = append(b, ':')
		b = append(b, text...)
		b = append(b, ',')
	}
	return sha256.Sum256(b)
}

// ImageCut is from when on a tenant's images take no more than they may.
type ImageCut struct {
	Tenant TenantID
	Before time.Time // UTC, whole microseconds
}

// ChainHead is the last entry of a chain. Who notes it elsewhere can tell later
// that nothing up to there was changed or cut off.
type ChainHead struct {
	Seq  int64 // 0: of a chain without entries
	Hash [32]byte
}

// String gives seq:hash, as [ParseChainHead] reads it.
func (h ChainHead) String() string {
	return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.Hash[:])
}

// ParseChainHead reads a head as [ChainHead.String] writes it, of a chain that has
// entries.
func ParseChainHead(text string) (h ChainHead, err error) {
	var hash []byte
	if _, err = fmt.Sscanf(text, "%d:%x", &h.Seq, &hash); err != nil || copy(h.Hash[:], hash) != len(h.Hash) || h.String() != text || h.Seq < 1 {
		return ChainHead{}, fmt.Errorf("a head is seq:hash, a seq from 1 on and 64 hex digits, not %q", text)
	}
	return h, nil
}

// BrokenChainError says where a chain is broken and why.
type BrokenChainError struct {
	Seq int64 // the first entry that is not as it was written, or is missing
	Why string
}

// Error implements error.
func (b *BrokenChainError) Error() string { return fmt.Sprintf("entry %d: %s", b.Seq, b.Why) }

// ChainVerifier checks a chain, entry by entry. Its zero value begins with the
// first entry of a chain that may be any tenant's.
type ChainVerifier struct {
	// Noted is a head that the chain had: it has to come by. Zero: none is known.
	Noted  ChainHead
	tenant TenantID
	head   ChainHead
}

// Next takes the next entry. [BrokenChainError].
func (v *ChainVerifier) Next(c *Change) error {
	var previous []byte
	if v.head.Seq > 0 {
		previous = v.head.Hash[:]
	} else {
		v.tenant = c.Tenant
	}
	seq := v.head.Seq + 1
	switch {
	case c.Tenant != v.tenant:
		return &BrokenChainError{seq, "it is of another tenant"}
	case c.Seq != seq:
		return &BrokenChainError{seq, fmt.Sprintf("it is missing: entry %d is in its place", c.Seq)}
	case c.Before != nil && string(ImageDigest(c.Before)) != string(c.BeforeDigest):
		return &BrokenChainError{seq, "before is not what its digest is of"}
	case c.After != nil && string(ImageDigest(c.After)) != string(c.AfterDigest):
		return &BrokenChainError{seq, "after is not what its digest is of"}
	case c.ChainHash(previous) != c.Hash:
		return &BrokenChainError{seq, "its hash is not of what it says"}
	case seq == v.Noted.Seq && c.Hash != v.Noted.Hash:
		return &BrokenChainError{seq, "its hash is not the one that was noted"}
	}
	v.head = ChainHead{seq, c.Hash}
	return nil
}

// End gives the head, or says that the chain ends before the noted one.
func (v *ChainVerifier) End() (ChainHead, error) {
	if v.head.Seq < v.Noted.Seq {
		return v.head, &BrokenChainError{v.head.Seq + 1, fmt.Sprintf("it is missing: the chain once had %d entries", v.Noted.Seq)}
	}
	return v.head, nil
}

// ChangeQuery asks for entries of a tenant. What is empty asks nothing.
type ChangeQuery struct {
	// The first Limit entries behind the seq After, or, with Newest, the last ones
	// before the seq Before (0: before no one), newest first.
	After, Before int64
	Newest        bool
	Limit         int

	Since, Until time.Time // from the one on, before the other
	Kind         ActorKind
	Actor        string
	Dialect      string
	RequestID    string
	Action       string
	Noun         string
	Record       string
}

// Validate reports each filter that no entry can match, as an [Invalid] error on
// "kind", "dialect", "action" and "noun".
func (q *ChangeQuery) Validate() error {
	fields := map[string]string{}
	for field, c := range map[string]struct {
		text  string
		known []string
	}{
		"kind":    {string(q.Kind), ActorKinds},
		"dialect": {q.Dialect, ChangeDialects},
		"action":  {q.Action, ChangeActions},
		"noun":    {q.Noun, ChangeNouns},
	} {
		if c.text != "" && !slices.Contains(c.known, c.text) {
			fields[field] = "must be " + strings.Join(c.known[:len(c.known)-1], ", ") + " or " + c.known[len(c.known)-1]
		}
	}
	return invalid("filter", fields)
}

// MaxImageBytes ends a page of entries, so that what is held of them has a bound
// whatever is in them.
const MaxImageBytes = 4 << 20

// More reports whether there may be entries behind those that a store gave.
func (q *ChangeQuery) More(found []Change) bool { return len(found) >= q.Limit || ImagesFill(found) }

// ImagesFill reports whether images ended a page, whatever its limit.
func ImagesFill(found []Change) bool {
	bytes := 0
	for i := range found {
		bytes += found[i].ImageBytes()
	}
	return bytes >= MaxImageBytes
}

// ImageBytes gives how large the entry's images are.
func (c *Change) ImageBytes() int { return len(c.Before) + len(c.After) }

// Matches reports whether an entry is asked for, wherever it stands.
func (q *ChangeQuery) Matches(c *Change) bool {
	for _, pair := range [...][2]string{
		{string(q.Kind), string(c.Kind)},
		{q.Actor, c.ID},
		{q.Dialect, c.Dialect},
		{q.RequestID, c.RequestID},
		{q.Action, c.Action},
		{q.Noun, c.Noun},
		{q.Record, c.Record},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return !c.At.Before(q.Since) && (q.Until.IsZero() || c.At.Before(q.Until)) &&
		c.Seq > q.After && (q.Before == 0 || c.Seq < q.Before)
}
