package core

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
)

// KeyHash is an API key as it is stored and looked up: HMAC-SHA-256 under the
// installation's secret.
type KeyHash [sha256.Size]byte

// Secret is what an installation keeps to itself. The hashes of API keys and
// the signatures of session tokens come from it, so all instances that share
// a store must have the same one.
type Secret struct {
	material [sha256.Size]byte
	keyHash  sync.Pool // of hash.Hash: making one costs as much as using it
}

// MinSecretBytes is the least material that a secret is made from.
const MinSecretBytes = 16

// NewSecret makes a secret from material of any length; shorter than
// [MinSecretBytes] is an [Invalid] error.
func NewSecret(material []byte) (*Secret, error) {
	if len(material) < MinSecretBytes {
		return nil, invalid("secret", map[string]string{"secret": "must have at least 16 bytes"})
	}
	s := &Secret{material: sha256.Sum256(material)}
	key := s.Derive("api key hash")
	s.keyHash.New = func() any { return hmac.New(sha256.New, key) }
	return s, nil
}

// RandomMaterial makes material for a new secret: 32 random bytes.
func RandomMaterial() []byte {
	b := make([]byte, sha256.Size)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return b
}

// Derive gives 32 bytes that only holders of the secret can know, others for
// each purpose.
func (s *Secret) Derive(purpose string) []byte {
	b, err := hkdf.Key(sha256.New, s.material[:], nil, "diglot "+purpose, sha256.Size)
	if err != nil {
		panic(err) // impossible: only a length beyond 255 hashes fails
	}
	return b
}

// KeyHash gives what is stored of an API key. The dialect is part of it: the
// same value in two dialects is two keys.
func (s *Secret) KeyHash(dialect DialectName, key string) (h KeyHash) {
	mac := s.keyHash.Get().(hash.Hash)
	defer s.keyHash.Put(mac)
	mac.Reset()
	mac.Write(append(append(make([]byte, 0, 128), dialect...), 0))
	mac.Write([]byte(key))
	mac.Sum(h[:0])
	return h
}
