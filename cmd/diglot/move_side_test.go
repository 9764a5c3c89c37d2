package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAKeyGoesOverHTTPToThisMachineAlone(t *testing.T) {
	t.Parallel()
	for host, here := range map[string]bool{
		"localhost": true, "LocalHost:3000": true, "127.0.0.1": true, "127.1.2.3:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]": true,
		"127.attacker.example": false, "127.0.0.1.attacker.example": false, "localhost.attacker.example": false, "127.": false,
		"10.0.0.1": false, "[::ffff:10.0.0.1]": false, "[::2]": false, "0.0.0.0": false,
	} {
		for _, kind := range []string{"refold", "cometchat"} {
			err := (&side{flag: "--from"}).parse(kind + ":http://" + host)
			if here {
				require.NoError(t, err, host)
			} else {
				require.ErrorContains(t, err, "--from would send the key over http", host)
			}
			require.NoError(t, (&side{flag: "--from", insecure: true}).parse(kind+":http://"+host), host)
			require.NoError(t, (&side{flag: "--from"}).parse(kind+":https://"+host), host)
		}
	}
}
