package core

import (
	"cmp"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"slices"
	"sync"
)

// KeyHash is an API key as it is stored and looked up: HMAC-SHA-256 under a
// version of the installation's secret.
type KeyHash [sha256.Size]byte

// VersionedHash is a key's hash and the version of the secret that it is under.
type VersionedHash struct {
	Hash    KeyHash
	Version int
}

// Secret is what an installation keeps to itself. The hashes of API keys and
// the signatures of session tokens come from it, so all instances that share
// a store must have the same one. It has one version, or two while it is rotated.
type Secret struct {
	versions []*secretVersion // the newest first; never empty
}

type secretVersion struct {
	number   int
	material [sha256.Size]byte
	keyHash  sync.Pool // of *keyHasher: making one costs as much as using it
}

// SecretVersion is material with the number of the version that it makes, from 1.
type SecretVersion struct {
	Number   int
	Material []byte
}

// MinSecretBytes is the least material that a secret is made from.
const MinSecretBytes = 16

// NewSecret makes a secret of one version, the first, from material of any
// length; shorter than [MinSecretBytes] is an [Invalid] error.
func NewSecret(material []byte) (*Secret, error) {
	return NewVersionedSecret(SecretVersion{1, material})
}

// NewVersionedSecret makes a secret of versions whose numbers differ. Invalid
// where there is none, or as [NewSecret] says.
func NewVersionedSecret(versions ...SecretVersion) (*Secret, error) {
	if len(versions) == 0 {
		return nil, invalid("secret", map[string]string{"versions": "must not be empty"})
	}
	s := &Secret{}
	for _, in := range versions {
		if len(in.Material) < MinSecretBytes {
			return nil, invalid("secret", map[string]string{"secret": "must have at least 16 bytes"})
		}
		v := &secretVersion{number: in.Number, material: sha256.Sum256(in.Material)}
		key := v.derive("api key hash")
		v.keyHash.New = func() any { return &keyHasher{mac: hmac.New(sha256.New, key)} }
		s.versions = append(s.versions, v)
	}
	slices.SortFunc(s.versions, func(a, b *secretVersion) int { return cmp.Compare(b.number, a.number) })
	return s, nil
}

// RandomMaterial makes material for a new secret: 32 random bytes.
func RandomMaterial() []byte {
	b := make([]byte, sha256.Size)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return b
}

// Newest gives the number of the newest version.
func (s *Secret) Newest() int { return s.versions[0].number }

// Derive gives 32 bytes that only holders of the secret's newest version can
// know, others for each purpose.
func (s *Secret) Derive(purpose string) []byte { return s.versions[0].derive(purpose) }

// DeriveFrom is Derive for a version; false: the secret has none of that number.
func (s *Secret) DeriveFrom(version int, purpose string) ([]byte, bool) {
	for _, v := range s.versions {
		if v.number == version {
			return v.derive(purpose), true
		}
	}
	return nil, false
}

func (v *secretVersion) derive(purpose string) []byte {
	b, err := hkdf.Key(sha256.New, v.material[:], nil, "diglot "+purpose, sha256.Size)
	if err != nil {
		panic(err) // impossible: only a length beyond 255 hashes fails
	}
	return b
}

// KeyHash gives an API key's hash under the newest version. The dialect is part
// of it: the same value in two dialects is two keys.
func (s *Secret) KeyHash(dialect DialectName, key string) KeyHash {
	return s.versions[0].hash(dialect, key)
}

// KeyHashes gives an API key's hash under each version, the newest first.
func (s *Secret) KeyHashes(dialect DialectName, key string) []VersionedHash {
	hashes := make([]VersionedHash, len(s.versions))
	for i, v := range s.versions {
		hashes[i] = VersionedHash{v.hash(dialect, key), v.number}
	}
	return hashes
}

// keyHasher has what a hash is made in, so that making one allocates nothing.
type keyHasher struct {
	mac hash.Hash
	in  []byte
	out KeyHash
}

func (v *secretVersion) hash(dialect DialectName, key string) KeyHash {
	h := v.keyHash.Get().(*keyHasher)
	defer v.keyHash.Put(h)
	h.mac.Reset()
	h.in = append(append(append(h.in[:0], dialect...), 0), key...)
	h.mac.Write(h.in)
	clear(h.in) // a key is not kept
	h.mac.Sum(h.out[:0])
	return h.out
}
