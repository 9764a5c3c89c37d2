package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/diglot/diglot/core"
)

// floor is the least that serves the same row: one query a request, nothing
// checked, nothing logged.
type floor struct {
	pool  *pgxpool.Pool
	newID core.IDSource
}

// bareServer has the members that the dialects' answers have.
type bareServer struct {
	ID             string          `json:"_id"`
	Slug           string          `json:"slug"`
	Name           string          `json:"name"`
	Description    string          `json:"description"`
	URL            string          `json:"url"`
	Icon           string          `json:"icon"`
	Suggestions    json.RawMessage `json:"suggestions"`
	AssociatedApps json.RawMessage `json:"associated_apps"`
	Chains         json.RawMessage `json:"chains"`
	CreatedAt      time.Time       `json:"createdAt"`
	UpdatedAt      time.Time       `json:"updatedAt"`
}

const bareColumns = `id, slug, name, description, url, icon, suggestions, associated_apps, chains, created_at, updated_at`

func (s *bareServer) scan(row pgx.Row) error {
	var id []byte
	err := row.Scan(&id, &s.Slug, &s.Name, &s.Description, &s.URL, &s.Icon, &s.Suggestions, &s.AssociatedApps, &s.Chains, &s.CreatedAt, &s.UpdatedAt)
	s.ID = hex.EncodeToString(id)
	return err
}

func (f *floor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /servers/{id}", f.read)
	mux.HandleFunc("GET /servers", f.list)
	mux.HandleFunc("POST /servers", f.create)
	return mux
}

func (f *floor) read(w http.ResponseWriter, r *http.Request) {
	id, _ := hex.DecodeString(r.PathValue("id")) // the load sends no other
	var s bareServer
	err := s.scan(f.pool.QueryRow(r.Context(), `SELECT `+bareColumns+` FROM bare_server WHERE id = $1`, id))
	reply(w, http.StatusOK, s, err)
}

func (f *floor) list(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64) // the load sends no other
	rows, err := f.pool.Query(r.Context(), `SELECT `+bareColumns+` FROM bare_server WHERE place > $1 ORDER BY place LIMIT 10`, from)
	if err != nil {
		reply(w, http.StatusOK, nil, err)
		return
	}
	servers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s bareServer, err error) { return s, s.scan(row) })
	reply(w, http.StatusOK, servers, err)
}

func (f *floor) create(w http.ResponseWriter, r *http.Request) {
	var s bareServer
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		reply(w, http.StatusCreated, nil, err)
		return
	}
	now := time.Now()
	id := f.newID(now)
	s.ID, s.CreatedAt, s.UpdatedAt = id.String(), now, now
	_, err := f.pool.Exec(r.Context(), `INSERT INTO bare_server (id, slug, name, description, url, icon, place, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`, id[:], s.Slug, s.Name, s.Description, s.URL, s.Icon, now.UnixMicro(), now)
	reply(w, http.StatusCreated, s, err)
}

func reply(w http.ResponseWriter, status int, v any, err error) {
	if errors.Is(err, pgx.ErrNoRows) {
		status = http.StatusNotFound
	} else if err != nil {
		status, v = http.StatusInternalServerError, err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the load sees what it misses
}
