package core

import (
	"context"
	"time"
)

// Store keeps the servers, agents and linked accounts of all tenants and knows
// whose a credential is.
// It is what a running gateway needs.
//
// Every method that takes a tenant sees and changes that tenant's rows alone.
// Failures are [*Error] where a client or operator can act on them, with the
// kinds named below; any method may answer [Unavailable] when the storage
// can't be reached. A tenant id that is not a UUID is an error of every method,
// and a cancelled ctx one that [errors.Is] finds context.Canceled in. With a
// ctx that acts by a session ([WithSession]), such a method does nothing and
// gives [ErrSessionEnded] where the session is not one of the tenant that lives:
// from the moment on that it was revoked, through whichever instance. Servers
// and agents that a Store gives are the caller's own, their times UTC: changing them
// changes nothing stored.
type Store interface {
	// KeyOwner gives the tenant of the key that has one of those hashes and the
	// key, without what is of no use to a gateway: when it was used. NotFound: no
	// key of that dialect has one, or it was revoked, or its tenant is not active.
	// That it has not expired is the caller's to know.
	KeyOwner(ctx context.Context, dialect DialectName, hashes ...KeyHash) (Tenant, Key, error)
	// NoteKeyUses keeps when keys were used, unless later times are known. It
	// passes over keys that there are not, and no watch tells of it.
	NoteKeyUses(ctx context.Context, uses []KeyUse) error
	// RehashKeys keeps the next hashes of keys that have none, and the hash that is
	// named; it passes over others. A key is found as before, and no watch tells of it.
	RehashKeys(ctx context.Context, keys []KeyRehash) error
	// SessionOwner gives the tenant with that Refold address, provided that it
	// is active and has the session and that lives; that it has not expired is the
	// caller's to know. NotFound.
	SessionOwner(ctx context.Context, address RefoldAddress, id SessionID) (Tenant, error)
	// Watch tells of changes to tenants, keys and accounts, of sessions that were
	// revoked and of signing keys that were retired, until ctx ends, then tells that it is no longer connected and
	// returns. See [DirectoryEvent].
	Watch(ctx context.Context, tell func(DirectoryEvent))

	// A creation that is to happen once says so in its ctx, see [Once]: Conflict on
	// "idempotency_key" where an answer is kept, unless another rule refuses it
	// first. Of any number of such creations at once, one succeeds. Accounts that
	// are upserted are not created in this sense.

	// KeptAnswer gives the answer that was kept for a creation in the last
	// [KeepAnswersFor] before at. NotFound.
	KeptAnswer(ctx context.Context, tenant TenantID, scope, key string, at time.Time) (KeptAnswer, error)

	// CreateMCPServer adds a server, moving its place to the next free one where
	// its own is taken, and gives it as stored. Conflict on "slug" (after trying
	// the fallback, where there is one), "name" or "id"; "name" where it is several.
	// OverQuota, which comes after all of these.
	CreateMCPServer(ctx context.Context, tenant TenantID, c Creation) (MCPServer, error)
	// MCPServer gives one server. NotFound.
	MCPServer(ctx context.Context, tenant TenantID, ref MCPServerRef) (MCPServer, error)
	// The servers of the two lists below come without their documents, chains and
	// branding: no list shows them, and they may be megabytes each.

	// MCPServerPage gives up to limit servers from offset on, by place in the
	// order asked for, and the number of servers there are, both as of one
	// moment. An offset past the end, or a limit of 0, gives no servers.
	MCPServerPage(ctx context.Context, tenant TenantID, order Order, offset, limit int) ([]MCPServer, int, error)
	// MCPServersFrom gives up to limit servers in order of place: the first ones
	// after from, or the last ones before it, as dir says.
	MCPServersFrom(ctx context.Context, tenant TenantID, from Place, dir Direction, limit int) ([]MCPServer, error)
	// UpdateMCPServer changes one server and gives it as it is then. NotFound,
	// which comes before PreconditionFailed.
	UpdateMCPServer(ctx context.Context, tenant TenantID, ref MCPServerRef, c Modification) (MCPServer, error)
	// DeleteMCPServer removes one server, from every agent's list too; that is
	// no change of the agent's update time or revision. NotFound, which comes
	// before PreconditionFailed.
	DeleteMCPServer(ctx context.Context, tenant TenantID, ref MCPServerRef, p Precondition) error

	// CreateAgent adds an agent, moving its place to the next free one among the
	// tenant's agents where its own is taken, and gives it as stored. Conflict on
	// "uid"; [MissingServersError] when it lists a server that the tenant hasn't.
	// A server that is deleted at the same moment is missing, or listed no more.
	CreateAgent(ctx context.Context, tenant TenantID, a Agent) (Agent, error)
	// Agent gives one agent. NotFound, also for a uid that is not [AgentUID.Valid].
	Agent(ctx context.Context, tenant TenantID, uid AgentUID) (Agent, error)
	// AgentsFrom gives agents in order of place.
	AgentsFrom(ctx context.Context, tenant TenantID, q AgentQuery) ([]Agent, error)
	// UpdateAgent changes one agent and gives it as it is then. NotFound, which
	// comes before PreconditionFailed, which comes before [MissingServersError]
	// for servers that the update names.
	UpdateAgent(ctx context.Context, tenant TenantID, uid AgentUID, m AgentModification) (Agent, error)
	// DeleteAgent removes one agent. NotFound, which comes before PreconditionFailed.
	DeleteAgent(ctx context.Context, tenant TenantID, uid AgentUID, p Precondition) error

	// CreateAccount adds a linked account. Conflict on "id".
	CreateAccount(ctx context.Context, a Account) error
	// UpsertAccount adds a linked account where its tenant has none of that id.
	// Else it changes that one: its name where one is given, its fields where
	// they are not nil (and its version with them), its update time. It gives the
	// account as it is then; that it was added shows in its object id. By a session
	// none is added: [ErrSessionEnded], as whoever has an account's session has that.
	UpsertAccount(ctx context.Context, a Account) (Account, error)
	// Account gives a linked account. NotFound.
	Account(ctx context.Context, tenant TenantID, id string) (Account, error)
	// AccountPage is MCPServerPage for linked accounts, by their creation time
	// and, where that is one, by object id.
	AccountPage(ctx context.Context, tenant TenantID, order Order, offset, limit int) ([]Account, int, error)
	// DeleteAccount removes a linked account and ends its sessions, for good.
	// NotFound.
	DeleteAccount(ctx context.Context, tenant TenantID, id string) error

	// IssueSession gives a session of the account that the request names, see
	// [SessionRequest]. Of any number of requests at once that take one which
	// lives, all get the same, and so do those for a fresh one of one moment. NotFound.
	IssueSession(ctx context.Context, tenant TenantID, r SessionRequest) (Session, error)
	// RevokeSession ends one session. NotFound: there is none, or it has ended.
	RevokeSession(ctx context.Context, tenant TenantID, id SessionID, at time.Time) error

	// Ready says why requests can't be served now, nil when they can.
	Ready(ctx context.Context) error
}

// Directory keeps tenants, keys, linked accounts and their sessions. It is what an operator
// needs; a running gateway has no use for it.
type Directory interface {
	// CreateTenant adds a tenant. Conflict on "name", "refold" or "cometchat".
	CreateTenant(ctx context.Context, t Tenant) error
	// UpdateTenant changes the settings that the update names, of the tenant of
	// that name, and gives it as it is then. NotFound; Conflict on "refold" or
	// "cometchat" for an address that another tenant has.
	UpdateTenant(ctx context.Context, name string, u TenantUpdate) (Tenant, error)
	// Tenants gives all tenants by name, in byte order.
	Tenants(ctx context.Context) ([]Tenant, error)
	// Tenant gives the tenant of that name. NotFound.
	Tenant(ctx context.Context, name string) (Tenant, error)
	// SetTenantStatus changes the status of the tenant of that name and gives the
	// tenant as it is then. NotFound; Conflict on "status" for one that is being
	// deleted, unless that is the status wanted.
	SetTenantStatus(ctx context.Context, name string, status TenantStatus) (Tenant, error)
	// TenantCounts gives how much a tenant has; of one that is not there, nothing.
	TenantCounts(ctx context.Context, tenant TenantID) (TenantCounts, error)
	// Rehearse has do work with a Backend whose changes of the tenant's records see
	// each other and nobody else does, and takes all of them back when do ends. While
	// it lasts, others may have to wait who create or change the same records; so one
	// within it, of its Backend, takes back its own when its do ends, and keeps nobody
	// waiting. What is no tenant's is answered as by this Directory.
	Rehearse(ctx context.Context, tenant TenantID, do func(Backend) error) error
	// DeleteTenantPart removes up to limit of what a tenant that is being deleted
	// has, and gives how many; where nothing was left, the tenant with its keys.
	// done: it is gone. To repeat it until then deletes the tenant, and whatever
	// was being added to it. Conflict on "status" for a tenant in another one.
	DeleteTenantPart(ctx context.Context, tenant TenantID, limit int) (removed int, done bool, err error)
	// CreateKey adds a key. Conflict on "key" when one with its hash exists.
	CreateKey(ctx context.Context, k Key) error
	// CreateKeys adds all of the keys, whose hashes differ, or none.
	// [KeyValueError] with a Conflict on "key" for the first whose hash exists.
	CreateKeys(ctx context.Context, keys []Key) error
	// Keys gives a tenant's keys, the oldest first, and those of one moment by id.
	Keys(ctx context.Context, tenant TenantID) ([]Key, error)
	// Key gives the key of that id and its tenant. NotFound.
	Key(ctx context.Context, id string) (Tenant, Key, error)
	// RotateKey adds the next key and ends the one of that id, which it gives as
	// it is then: at a time, unless it expires before, or, without one, by revoking
	// it when the next one was created. NotFound; Conflict on "status" for one that
	// was revoked, on "key" when one with the next one's hash exists.
	RotateKey(ctx context.Context, id string, endsAt *time.Time, next Key) (Key, error)
	// RevokeKey ends a key for good and gives it as it is then; one that was
	// revoked before, as it was. NotFound.
	RevokeKey(ctx context.Context, id string, at time.Time) (Key, error)
	// CreateAccount adds a linked account. Conflict on "id".
	CreateAccount(ctx context.Context, a Account) error
	// Account gives a linked account. NotFound.
	Account(ctx context.Context, tenant TenantID, id string) (Account, error)
	// DeleteAccount removes a linked account and ends its sessions, for good.
	// NotFound.
	DeleteAccount(ctx context.Context, tenant TenantID, id string) error
	// RevokeSession ends one session. NotFound: there is none, or it has ended.
	RevokeSession(ctx context.Context, tenant TenantID, id SessionID, at time.Time) error
	// RevokeSessions ends all sessions of an account that live and have not
	// expired at that time, also those that are being issued, and gives how many.
	// NotFound: no such account.
	RevokeSessions(ctx context.Context, tenant TenantID, account string, at time.Time) (int, error)

	// The lists below are walked by what comes last on a page. A limit below 1
	// gives nothing. Of a tenant or an account that is not there they give nothing.

	// TenantsAfter gives up to limit tenants whose names come after that one, by
	// name in byte order; after "", the first.
	TenantsAfter(ctx context.Context, name string, limit int) ([]Tenant, error)
	// KeysAfter gives up to limit of a tenant's keys, in the order of Keys.
	KeysAfter(ctx context.Context, tenant TenantID, after KeyPosition, limit int) ([]Key, error)
	// AccountsAfter gives up to limit of a tenant's accounts by their creation
	// time and, where that is one, by object id.
	AccountsAfter(ctx context.Context, tenant TenantID, after AccountPosition, limit int) ([]Account, error)
	// SessionsAfter gives sessions of one account that live, by when they were
	// issued, when they expire and their key.
	SessionsAfter(ctx context.Context, tenant TenantID, q SessionQuery) ([]Session, error)

	// IssueSession gives a session of the account that the request names. NotFound.
	IssueSession(ctx context.Context, tenant TenantID, r SessionRequest) (Session, error)
	// CreateSigningKey adds a key, which signs from then on: it counts as made
	// after those there are, whatever its time. Conflict on "id".
	CreateSigningKey(ctx context.Context, k SigningKey) (SigningKey, error)
	// SigningKeys gives all keys, the newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// RetireSigningKey has a key sign no more and ends all sessions of it,
	// whoever's they are; one that is retired already stays as it is. NotFound;
	// Conflict on "newest" where no newer one is there to sign.
	RetireSigningKey(ctx context.Context, id string, at time.Time) (SigningKey, error)

	// What is changed by the methods of both ports is entered in the history of
	// its tenant, or the installation's, as [ActorOf] the context's doing; what
	// fails is not. When a key was used, what expired, kept answers and the steps of
	// a tenant's deletion are no changes. A tenant's history goes with it.

	// Changes gives the entries that are asked for, of a tenant's history or the
	// [Installation]'s. It ends behind the entry with which their images have
	// [MaxImageBytes] or more: see [ChangeQuery.More].
	Changes(ctx context.Context, tenant TenantID, q ChangeQuery) ([]Change, error)
	// EraseImages lets go of what up to limit changes before a time were from and
	// to, the oldest first, and gives how many; digests and chains stay. In each chain
	// that something is erased in it is entered, once for that time: [PruneAction].
	EraseImages(ctx context.Context, before time.Time, limit int) (int, error)
	// EraseTenantImages does so in one tenant's chain.
	EraseTenantImages(ctx context.Context, tenant TenantID, before time.Time, limit int) (int, error)
	// ImagesBeyond gives the tenants whose images take more than so many bytes of
	// storage, and for each the moment before which they would have to be erased.
	ImagesBeyond(ctx context.Context, most int64) ([]ImageCut, error)
	// MCPServerAt gives a server as it was at a revision, also one that was deleted,
	// from the changes since. NotFound, on "mcp_server" or "revision": there was
	// none, history doesn't reach that far, or an image was erased.
	MCPServerAt(ctx context.Context, tenant TenantID, id ObjectID, revision int64) (MCPServer, error)
	// ReplaceMCPServer has a server be what it is given, its update time too (which
	// is never before its creation time), but for its id, slug, place and creation
	// time, and moves its revision. NotFound, which comes before PreconditionFailed.
	ReplaceMCPServer(ctx context.Context, tenant TenantID, s MCPServer, p Precondition) (MCPServer, error)
	// ReplaceAgent does so with an agent, but for its uid, place and creation time.
	// NotFound, which comes before PreconditionFailed, which comes before
	// [MissingServersError].
	ReplaceAgent(ctx context.Context, tenant TenantID, a Agent, p Precondition) (Agent, error)
	// ReplaceAccount does so with a linked account, but for its id, object id and
	// creation time; its version is the one that is given. NotFound.
	ReplaceAccount(ctx context.Context, a Account) (Account, error)
	// DeletedMCPServers gives up to limit of a tenant's servers that were deleted at
	// since or later and are not back, the last deletion first, of those whose
	// deletion has a seq before before (0: of all). What they were has to be kept yet;
	// of that it gives the id, slug, name, place, times and revision.
	DeletedMCPServers(ctx context.Context, tenant TenantID, since time.Time, before int64, limit int) ([]DeletedMCPServer, error)
	// MCPServer, MCPServerPage, MCPServersFrom, CreateMCPServer and CreateAgent are the Store's.
	MCPServer(ctx context.Context, tenant TenantID, ref MCPServerRef) (MCPServer, error)
	MCPServerPage(ctx context.Context, tenant TenantID, order Order, offset, limit int) ([]MCPServer, int, error)
	MCPServersFrom(ctx context.Context, tenant TenantID, from Place, dir Direction, limit int) ([]MCPServer, error)
	CreateMCPServer(ctx context.Context, tenant TenantID, c Creation) (MCPServer, error)
	CreateAgent(ctx context.Context, tenant TenantID, a Agent) (Agent, error)
}

// Creation is a server to add and what to do where it collides.
type Creation struct {
	Server MCPServer
	// FallbackSlug is taken when the server's slug is taken; empty: Conflict.
	FallbackSlug string
	// RefuseSameName: Conflict on "name" when the tenant has that name already.
	// Of any number of such creations at once, one succeeds.
	RefuseSameName bool
	// MaxServers: OverQuota when the tenant has as many servers already; 0: it may
	// have any number. Whatever is created at once, there are never more.
	MaxServers int
	// Undeletes: it is one that was deleted, and history says so.
	Undeletes bool
}

// Modification is a change to one server, ids and time settled.
type Modification struct {
	MCPServerUpdate

	Chains    *[]Chain // shadows the update's: these have ids
	UpdatedAt time.Time
}

// AgentModification is a change to one agent, its time settled.
type AgentModification struct {
	AgentUpdate

	UpdatedAt time.Time
}

// AgentQuery asks for up to Limit agents: the first ones after From, or the
// last ones before it, as Dir says.
type AgentQuery struct {
	From  Place
	Dir   Direction
	Limit int
	// Search leaves only agents with this text in their name, whatever its case
	// ([FoldText]); empty: all. It is [ValidText].
	Search string
}

// Direction says to which side of a place a list goes.
type Direction int

// The directions of [Store.MCPServersFrom] and [Store.AgentsFrom].
const (
	After Direction = iota
	Before
)

// Backend is both ports of one installation.
type Backend interface {
	Store
	Directory
}

// Order says which end of a list by place comes first.
type Order int

// The orders of [Store.MCPServerPage] and [Store.AccountPage].
const (
	OldestFirst Order = iota
	NewestFirst
)

// DirectoryEvent is something that [Store.Watch] tells.
type DirectoryEvent struct {
	// Connected: true from the moment that no change is missed, false from the
	// moment that one may be. Nothing is known of the time between.
	Connected bool
	// Changed is the tenant that changed, with its keys, the accounts that it has
	// and which of their sessions live, on an event that is connected; empty: all
	// may have, unless it is Quiet.
	Changed TenantID
	// Quiet: nothing changed; the event is there for its Until alone.
	Quiet bool
	// Until is how long being connected may be relied on without another event:
	// from then on a change may have been missed for [MaxUnheard]. Zero: until an
	// event says otherwise.
	Until time.Time
}

// MaxUnheard is how long a change may go unheard by whoever follows
// [Store.Watch] and heeds [DirectoryEvent].Until.
const MaxUnheard = time.Second
