//go:build !linux

package main

// A disk to fill is mounted on Linux alone.
var diskPlaces []place
