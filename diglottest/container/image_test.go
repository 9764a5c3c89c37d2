//go:build containers

package container_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	mobycontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/diglot/diglot/diglottest/container"
)

const (
	maxImageBytes = 25_000_000
	stopLimit     = 30 * time.Second
)

// postgresReady waits for a PostgreSQL whose port the tests don't reach.
func postgresReady() testcontainers.CustomizeRequestOption {
	return testcontainers.WithWaitStrategy(wait.ForLog("database system is ready to accept connections").WithOccurrence(2))
}

// hardened has the container be one that may write nothing and has no rights.
func hardened() testcontainers.CustomizeRequestOption {
	return testcontainers.WithHostConfigModifier(func(h *mobycontainer.HostConfig) {
		h.ReadonlyRootfs = true
		h.CapDrop = []string{"ALL"}
		h.SecurityOpt = []string{"no-new-privileges"}
	})
}

func TestTheImageRunsWithNoRightsAndNothingToWriteOn(t *testing.T) {
	t.Parallel()
	ctr := start(t, hardened(), testcontainers.WithAdditionalWaitStrategy(wait.ForHealthCheck()))
	createWithRefold(t, ctr, container.DefaultTenant, "Weather")

	inspect, err := ctr.Inspect(t.Context())
	require.NoError(t, err)
	require.True(t, inspect.HostConfig.ReadonlyRootfs)
	require.Equal(t, "65532:65532", inspect.Config.User)
	code, out, err := ctr.Exec(t.Context(), []string{"/diglot", "healthcheck", "--ready"})
	require.NoError(t, err)
	said, err := io.ReadAll(out)
	require.NoError(t, err)
	require.Zero(t, code, "%s", said)

	limit := stopLimit
	require.NoError(t, ctr.Stop(t.Context(), &limit))
	state, err := ctr.State(t.Context())
	require.NoError(t, err)
	require.Zero(t, state.ExitCode, "SIGTERM reaches the gateway")
}

// The health check of the image fails for a gateway that it does not reach.
func TestTheHealthCheckCanFail(t *testing.T) {
	t.Parallel()
	ctr := start(t)
	code, _, err := ctr.Exec(t.Context(), []string{"/diglot", "healthcheck", "--addr", "127.0.0.1:1"})
	require.NoError(t, err)
	require.Equal(t, 1, code)
}

func TestTheImageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	found, err := engine(t).ImageInspect(t.Context(), gatewayImage)
	require.NoError(t, err, "make image makes it")
	require.Less(t, found.Size, int64(maxImageBytes))
	require.Equal(t, []string{"/diglot"}, found.Config.Entrypoint)
	require.Equal(t, []string{"CMD", "/diglot", "healthcheck"}, found.Config.Healthcheck.Test)
	require.Contains(t, found.Config.ExposedPorts, "8080/tcp")
	require.Contains(t, found.Config.ExposedPorts, "9090/tcp")
	for _, label := range []string{"title", "description", "source", "licenses", "version", "revision", "created"} {
		require.NotEmpty(t, found.Config.Labels["org.opencontainers.image."+label], label)
	}
	require.LessOrEqual(t, len(found.RootFS.Layers), 2, "the binary and its license alone")
}

// Each architecture's image has a program of that architecture, which needs no
// other file.
func TestTheImageIsMadeForBothArchitectures(t *testing.T) {
	t.Parallel()
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			docker, name := engine(t), gatewayImage+"-"+arch
			found, err := docker.ImageInspect(t.Context(), name)
			require.NoError(t, err, "make image makes it")
			require.Equal(t, arch, found.Architecture)
			require.Less(t, found.Size, int64(maxImageBytes))

			program, err := elf.NewFile(bytes.NewReader(programOf(t, docker, name)))
			require.NoError(t, err)
			require.Equal(t, machine, program.Machine)
			libraries, err := program.ImportedLibraries()
			require.NoError(t, err)
			require.Empty(t, libraries)
		})
	}
}

// programOf gives the binary in an image: the tallest file of its layers.
func programOf(t *testing.T, docker *testcontainers.DockerClient, image string) []byte {
	t.Helper()
	saved, err := docker.ImageSave(t.Context(), []string{image})
	require.NoError(t, err)
	defer func() { require.NoError(t, saved.Close()) }()
	var program []byte
	eachFile(t, saved, func(h *tar.Header, r io.Reader) {
		if !strings.HasSuffix(h.Name, "layer.tar") && !strings.HasPrefix(h.Name, "blobs/") {
			return
		}
		layer, err := io.ReadAll(r)
		require.NoError(t, err)
		if json.Valid(layer) {
			return
		}
		eachFile(t, bytes.NewReader(layer), func(h *tar.Header, r io.Reader) {
			if h.Name == "diglot" {
				program, err = io.ReadAll(r)
				require.NoError(t, err)
			}
		})
	})
	require.NotEmpty(t, program, "the image has /diglot")
	return program
}

func eachFile(t *testing.T, archive io.Reader, do func(*tar.Header, io.Reader)) {
	t.Helper()
	for files := tar.NewReader(archive); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		do(h, files)
	}
}

// TestFigures prints what the README says of the image; its times are this
// machine's, so nothing but the size is held to anything.
func TestFigures(t *testing.T) {
	docker := engine(t)
	found, err := docker.ImageInspect(t.Context(), gatewayImage)
	require.NoError(t, err)
	require.Less(t, found.Size, int64(maxImageBytes))
	began := time.Now()
	ctr := start(t)
	memory := time.Since(began)

	stats, err := docker.ContainerStats(t.Context(), ctr.GetContainerID(), client.ContainerStatsOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, stats.Body.Close()) }()
	var used struct {
		Memory struct {
			Usage uint64            `json:"usage"`
			Stats map[string]uint64 `json:"stats"`
		} `json:"memory_stats"`
	}
	require.NoError(t, json.NewDecoder(stats.Body).Decode(&used))
	require.NotZero(t, used.Memory.Usage)
	resident := used.Memory.Usage - used.Memory.Stats["total_inactive_file"] - used.Memory.Stats["inactive_file"]

	began = time.Now()
	start(t, container.WithPostgres(postgresImage))
	postgres := time.Since(began)
	fmt.Fprintf(os.Stderr, "figures: image %.1f MB; Run in memory %d ms, with PostgreSQL %d ms; idle memory %.1f MB\n",
		float64(found.Size)/1e6, memory.Milliseconds(), postgres.Milliseconds(), float64(resident)/1e6)
}
