// Package charttest holds the Helm chart to what Helm and Kubernetes take. It is
// a module of its own: nobody who uses Diglot needs theirs.
package charttest
