//go:build !unix

package main

import "math"

// dataLimit gives the largest number: there is no such limit.
func dataLimit() uint64 { return math.MaxUint64 }
