// Package vendorhttp is what the clients of the vendors' APIs share and no
// vendor has of its own: the pace of requests, what is tried again and when,
// time-outs, redirects, and failures that carry no credential.
//
// A client speaks to one host. It sends no faster than its rate, tries again
// only what is safe to repeat, and follows no redirect that leaves the host.
// Nothing in it reads a clock or waits but by way of [Options]. What a host sends
// behind an answer net/http quotes in the log of package log, where a program that
// must not show its key discards it.
package vendorhttp
