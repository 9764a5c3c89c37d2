// Package deploytest has the tests of what is deployed: the compose files and
// the examples, run for real on a Docker engine.
package deploytest
