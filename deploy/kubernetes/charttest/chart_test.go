package charttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

func TestHelmLintFindsNothing(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]string{"least": database, "everything": everything} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given, err := chartutil.ReadValues([]byte(values))
			require.NoError(t, err)
			for _, m := range lint.AllWithKubeVersion(chartDir, given, "mcp", nil).Messages {
				require.Less(t, m.Severity, support.WarningSev, "%s", m.Error())
			}
		})
	}
}

func TestValuesThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]string{
		"no database":               "replicas: 2",
		"unknown value":             database + "replica: 2",
		"no replicas":               database + "replicas: 0",
		"a flag that the chart has": database + "settings: {addr: \":80\"}",
		"a secret as a setting":     database + "settings: {admin-token: oops}",
		"an ingress of no host":     database + "ingress: {enabled: true}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := template(values)
			require.Error(t, err)
		})
	}
}

func TestPodsHaveNoRightsAndNothingToWriteOn(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]string{"least": database, "everything": everything} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := render(t, values)
			for _, pod := range []core.PodSpec{o.deployment.Spec.Template.Spec, o.job.Spec.Template.Spec} {
				require.True(t, *pod.SecurityContext.RunAsNonRoot)
				require.Equal(t, int64(65532), *pod.SecurityContext.RunAsUser, "the image's")
				require.Equal(t, core.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
				require.False(t, *pod.AutomountServiceAccountToken)
				require.False(t, *pod.EnableServiceLinks)
				require.Len(t, pod.Containers, 1)
				c := pod.Containers[0].SecurityContext
				require.True(t, *c.ReadOnlyRootFilesystem)
				require.False(t, *c.AllowPrivilegeEscalation)
				require.Equal(t, []core.Capability{"ALL"}, c.Capabilities.Drop)
				require.NotEmpty(t, pod.Containers[0].Resources.Limits)
			}
		})
	}
}

// Probes ask the operations port: whether it lives of /healthz, which a database
// that is away doesn't change, whether it can serve of /readyz.
func TestProbesAskThePortsThatThereAre(t *testing.T) {
	t.Parallel()
	c := render(t, database).deployment.Spec.Template.Spec.Containers[0]
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	require.Equal(t, map[string]int32{"http": 8080, "operations": 9090}, ports)
	require.Equal(t, map[string]string{"DIGLOT_ADDR": ":8080", "DIGLOT_OPS_ADDR": ":9090"}, plain(c.Env))
	for path, probes := range map[string][]*core.Probe{"/healthz": {c.StartupProbe, c.LivenessProbe}, "/readyz": {c.ReadinessProbe}} {
		for _, p := range probes {
			require.Equal(t, path, p.HTTPGet.Path)
			require.Equal(t, "operations", p.HTTPGet.Port.String())
		}
	}
}

// plain gives the variables that have a value of their own.
func plain(env []core.EnvVar) map[string]string {
	values := map[string]string{}
	for _, v := range env {
		if v.ValueFrom == nil {
			values[v.Name] = v.Value
		}
	}
	return values
}

// secrets gives the variables that come of a Secret, as secret/key.
func secrets(env []core.EnvVar) map[string]string {
	keys := map[string]string{}
	for _, v := range env {
		if v.ValueFrom != nil {
			keys[v.Name] = v.ValueFrom.SecretKeyRef.Name + "/" + v.ValueFrom.SecretKeyRef.Key
		}
	}
	return keys
}

func TestSecretsAreNamedNeverMade(t *testing.T) {
	t.Parallel()
	o := render(t, database)
	require.Equal(t, map[string]string{"DIGLOT_DATABASE_URL": "diglot-db/url"}, secrets(o.deployment.Spec.Template.Spec.Containers[0].Env))
	require.Equal(t, map[string]string{"DIGLOT_DATABASE_URL": "diglot-db/url"}, secrets(o.job.Spec.Template.Spec.Containers[0].Env))
	require.Empty(t, o.deployment.Spec.Template.Spec.Volumes)

	o = render(t, everything)
	pod := o.deployment.Spec.Template.Spec
	require.Equal(t, map[string]string{
		"DIGLOT_DATABASE_URL": "diglot-db/url", "DIGLOT_POOLED_URL": "diglot-db/pooled", "DIGLOT_OPERATOR_URL": "diglot-db/operator",
		"DIGLOT_SECRET": "diglot-secret/secret", "DIGLOT_SECRET_PREVIOUS": "diglot-secret/previous",
	}, secrets(pod.Containers[0].Env))
	require.Equal(t, map[string]string{"DIGLOT_DATABASE_URL": "diglot-owner/owner-url"}, secrets(o.job.Spec.Template.Spec.Containers[0].Env))
	file := plain(pod.Containers[0].Env)["DIGLOT_ADMIN_TOKEN_FILE"]
	require.Equal(t, file, pod.Containers[0].VolumeMounts[0].MountPath+"/"+pod.Volumes[0].Secret.Items[0].Path)
	require.Equal(t, "diglot-admin", pod.Volumes[0].Secret.SecretName)
}

func TestSettingsBecomeVariables(t *testing.T) {
	t.Parallel()
	env := plain(render(t, everything).deployment.Spec.Template.Spec.Containers[0].Env)
	require.Equal(t, "debug", env["DIGLOT_LOG_LEVEL"])
	require.Equal(t, "1000", env["DIGLOT_COMETCHAT_RATE_LIMIT"])
	require.Equal(t, "8s", env["DIGLOT_DRAIN_TIMEOUT"])
}

// The schema is moved before any gateway of the new version starts, by pods that
// nothing else takes for gateways.
func TestTheSchemaIsMigratedFirst(t *testing.T) {
	t.Parallel()
	o := render(t, database)
	require.Equal(t, "pre-install,pre-upgrade", o.job.Annotations["helm.sh/hook"])
	require.Equal(t, []string{"migrate", "up"}, o.job.Spec.Template.Spec.Containers[0].Args)
	require.Equal(t, o.deployment.Spec.Template.Spec.Containers[0].Image, o.job.Spec.Template.Spec.Containers[0].Image)
	require.Empty(t, o.job.Spec.Template.Spec.ServiceAccountName, "its own is made after the hook")
	require.False(t, selects(t, o.deployment.Spec.Selector, o.job.Spec.Template.Labels))
	require.Nil(t, render(t, database+"migrate: {enabled: false}").job)
}

func selects(t *testing.T, s *meta.LabelSelector, of map[string]string) bool {
	t.Helper()
	selector, err := meta.LabelSelectorAsSelector(s)
	require.NoError(t, err)
	return selector.Matches(labels.Set(of))
}

func TestEverySelectorFindsThePods(t *testing.T) {
	t.Parallel()
	o := render(t, everything)
	pods, name := o.deployment.Spec.Template.Labels, o.deployment.Name
	require.True(t, selects(t, o.deployment.Spec.Selector, pods))
	require.True(t, selects(t, o.budget.Spec.Selector, pods))
	require.True(t, selects(t, &o.network.Spec.PodSelector, pods))
	require.Len(t, o.services, 2)
	for _, s := range o.services {
		require.True(t, selects(t, &meta.LabelSelector{MatchLabels: s.Spec.Selector}, pods))
		require.Len(t, s.Spec.Ports, 1)
		require.Equal(t, s.Spec.Ports[0].Name, s.Spec.Ports[0].TargetPort.String())
	}
	require.Equal(t, name, o.scaler.Spec.ScaleTargetRef.Name)
	require.Nil(t, o.deployment.Spec.Replicas, "the scaler's to say")
	require.Equal(t, o.account.Name, o.deployment.Spec.Template.Spec.ServiceAccountName)
	backend := o.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service
	require.Equal(t, o.services[name].Spec.Ports[0].Name, backend.Port.Name)
	require.Equal(t, name, backend.Name)

	operations := o.services[name+"-operations"]
	require.Equal(t, core.ServiceTypeClusterIP, operations.Spec.Type, "whatever the other one is")
	wanted, _, err := unstructured.NestedStringMap(o.monitor.Object, "spec", "selector", "matchLabels")
	require.NoError(t, err)
	require.True(t, selects(t, &meta.LabelSelector{MatchLabels: wanted}, operations.Labels))
	require.False(t, selects(t, &meta.LabelSelector{MatchLabels: wanted}, o.services[name].Labels))
}

func TestTheLeastOfValuesHasABudgetAndNothingThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	o := render(t, database)
	require.Equal(t, int32(2), *o.deployment.Spec.Replicas)
	require.Equal(t, 1, o.budget.Spec.MaxUnavailable.IntValue())
	require.Equal(t, 0, o.deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
	require.Nil(t, o.scaler)
	require.Nil(t, o.ingress)
	require.Nil(t, o.network)
	require.Nil(t, o.monitor)
}

// A name of any length leaves room for what is put behind it.
func TestNamesFitKubernetes(t *testing.T) {
	t.Parallel()
	o := render(t, database+"fullnameOverride: "+strings.Repeat("n", 80))
	require.LessOrEqual(t, len(o.job.Name), 63)
	for name := range o.services {
		require.LessOrEqual(t, len(name), 63)
	}
}
