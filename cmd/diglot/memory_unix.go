//go:build unix

package main

import (
	"math"
	"syscall"
)

// dataLimit gives what RLIMIT_DATA says, else the largest number.
func dataLimit() uint64 {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_DATA, &r); err != nil {
		return math.MaxUint64
	}
	if r.Cur >= math.MaxInt64 { // some systems say so where there is none
		return math.MaxUint64
	}
	return r.Cur
}
