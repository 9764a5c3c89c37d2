package move

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestWhatCouldNotBeRestoredIsNamed(t *testing.T) {
	t.Parallel()
	before := `{"_id":"1","name":"n","tools":[],"metaData":{"a":1,"b":[1.50]},"udf":[{"key_name":"k","_id":"x","createdAt":"then"}],` +
		`"safe_mode":false,"revision":1,"__v":2,"updatedAt":"then"}`
	for now, want := range map[string][]string{
		before: nil,
		`{"updatedAt":"now","description":"","instruction":null,"name":"\u006e","metaData":{"b":[1.50],"a":1},"safe_mode":false,` +
			`"udf":[{"_id":"y","key_name":"k"}],"_id":"1"}`: nil,
		`{"_id":"2","name":"n","icon":"i","metaData":{"a":1,"b":[1.5]},"udf":[{"key_name":"k2"}]}`: {"_id", "icon", "metaData", "safe_mode", "udf"},
		`{}`: {"_id", "metaData", "name", "safe_mode", "udf"},
	} {
		require.Equal(t, want, unrestored(core.JSON(before), core.JSON(now)), now)
	}
}
