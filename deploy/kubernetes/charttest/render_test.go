package charttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const (
	chartDir = "../diglot"
	release  = "prod"
	database = "database: {existingSecret: diglot-db}\n"
)

// everything turns on all that the chart has.
const everything = `
image: {repository: registry.example.com/diglot, tag: "1.2.3"}
imagePullSecrets: [{name: pull}]
database: {existingSecret: diglot-db, pooledKey: pooled, operatorKey: operator}
migrate: {existingSecret: diglot-owner, key: owner-url}
secret: {existingSecret: diglot-secret, previousKey: previous}
admin: {existingSecret: diglot-admin}
settings: {log-level: debug, cometchat-rate-limit: 1000, drain-timeout: 8s}
service: {type: LoadBalancer, annotations: {a: b}}
ingress: {enabled: true, className: nginx, hosts: [{host: diglot.example.com}], tls: [{secretName: tls, hosts: [diglot.example.com]}]}
serviceAccount: {annotations: {role: reader}}
autoscaling: {enabled: true}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
networkPolicy: {enabled: true, operationsFrom: [{namespaceSelector: {matchLabels: {name: monitoring}}}]}
podAnnotations: {c: d}
podLabels: {team: mcp}
nodeSelector: {disk: ssd}
tolerations: [{key: dedicated, operator: Exists}]
affinity: {podAntiAffinity: {}}
`

// objects are what a rendered chart has.
type objects struct {
	deployment *apps.Deployment
	job        *batch.Job
	services   map[string]*core.Service
	account    *core.ServiceAccount
	budget     *policy.PodDisruptionBudget
	scaler     *autoscaling.HorizontalPodAutoscaler
	ingress    *networking.Ingress
	network    *networking.NetworkPolicy
	monitor    *unstructured.Unstructured
}

// template renders the chart as `helm template` does, its values held to the
// schema.
func template(values string) (map[string]string, error) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		return nil, err
	}
	given, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: "mcp", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, given, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, all)
}

// render decodes each object strictly: a member that Kubernetes doesn't have
// fails, and so does one that is there twice.
func render(t *testing.T, values string) objects {
	t.Helper()
	files, err := template(values)
	require.NoError(t, err)
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Yaml: true, Strict: true})
	out := objects{services: map[string]*core.Service{}}
	for name, text := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for document := range strings.SplitSeq(text, "\n---\n") {
			if strings.TrimSpace(document) == "" {
				continue
			}
			out.add(t, name, document, strict)
		}
	}
	return out
}

func (o *objects) add(t *testing.T, name, document string, strict runtime.Decoder) {
	t.Helper()
	if strings.Contains(document, "monitoring.coreos.com") { // which is no part of Kubernetes
		o.monitor = &unstructured.Unstructured{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), &o.monitor.Object), name)
		return
	}
	object, _, err := strict.Decode([]byte(document), nil, nil)
	require.NoError(t, err, "%s:\n%s", name, document)
	switch object := object.(type) {
	case *apps.Deployment:
		o.deployment = object
	case *batch.Job:
		o.job = object
	case *core.Service:
		o.services[object.Name] = object
	case *core.ServiceAccount:
		o.account = object
	case *policy.PodDisruptionBudget:
		o.budget = object
	case *autoscaling.HorizontalPodAutoscaler:
		o.scaler = object
	case *networking.Ingress:
		o.ingress = object
	case *networking.NetworkPolicy:
		o.network = object
	default:
		require.Fail(t, "the chart has what nothing here looks at", "%T", object) // a Secret would be one
	}
}
