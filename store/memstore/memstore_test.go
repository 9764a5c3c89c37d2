package memstore_test

import (
	"testing"

	"github.com/diglot/diglot/core/coretest"
	"github.com/diglot/diglot/store/memstore"
)

func TestMemoryKeepsTheStoreContract(t *testing.T) {
	t.Parallel()
	coretest.Run(t, func(*testing.T) coretest.Backend { return memstore.New() })
}
