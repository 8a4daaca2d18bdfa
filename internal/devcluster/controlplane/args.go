// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import (
	"strconv"
	"time"
)

// ExecutorImage is the image name on the init and wait containers of Argo's
// pods. The node agent runs host processes, so it is a label only.
func ExecutorImage(argoVersion string) string {
	return "quay.io/argoproj/argoexec:" + argoVersion
}

// EtcdArgs are the arguments of a single etcd member that serves TLS clients
// with a certificate of its own authority. Writes are not forced to disk: a
// power cut may cost the cluster, an orderly stop does not, and waiting for the
// disk on every write is what would slow a laptop most.
func EtcdArgs(l Layout, ports map[string]int) []string {
	client := ServerURL(ports[PortEtcd])
	peer := ServerURL(ports[PortEtcdPeer])
	return []string{
		"--name=devcluster",
		"--data-dir=" + l.etcdData(),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=devcluster=" + peer,
		"--client-cert-auth=true",
		"--trusted-ca-file=" + l.cert("etcd-ca"),
		"--cert-file=" + l.cert("etcd"),
		"--key-file=" + l.key("etcd"),
		"--peer-client-cert-auth=true",
		"--peer-trusted-ca-file=" + l.cert("etcd-ca"),
		"--peer-cert-file=" + l.cert("etcd"),
		"--peer-key-file=" + l.key("etcd"),
		"--unsafe-no-fsync=true",
		"--auto-compaction-mode=periodic",
		"--auto-compaction-retention=10m",
		"--quota-backend-bytes=" + strconv.Itoa(4<<30),
		"--log-level=warn",
	}
}

// APIServerArgs are the arguments of an API server with RBAC, service account
// tokens of the cluster's own key, and the means to reach the node agent for
// logs and exec. There are no endpoints to reconcile for the service
// "kubernetes": endpoints on loopback are invalid, and pods are given the
// address directly.
func APIServerArgs(l Layout, ports map[string]int) []string {
	return []string{
		"--etcd-servers=" + ServerURL(ports[PortEtcd]),
		"--etcd-cafile=" + l.cert("etcd-ca"),
		"--etcd-certfile=" + l.cert("etcd-client"),
		"--etcd-keyfile=" + l.key("etcd-client"),
		"--bind-address=" + Host,
		"--advertise-address=" + Host,
		"--endpoint-reconciler-type=none",
		"--secure-port=" + strconv.Itoa(ports[PortAPIServer]),
		"--cert-dir=" + l.pki(),
		"--tls-cert-file=" + l.cert("kube-apiserver"),
		"--tls-private-key-file=" + l.key("kube-apiserver"),
		"--client-ca-file=" + l.cert("cluster-ca"),
		"--token-auth-file=" + l.tokens(),
		"--anonymous-auth=false",
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		"--service-cluster-ip-range=" + serviceRange,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.key("service-account"),
		"--service-account-signing-key-file=" + l.key("service-account"),
		"--kubelet-certificate-authority=" + l.cert("node-ca"),
		"--kubelet-client-certificate=" + l.cert("node-client"),
		"--kubelet-client-key=" + l.key("node-client"),
		"--kubelet-preferred-address-types=InternalIP",
		"--profiling=false",
	}
}

// ControllerManagerArgs are the arguments of the controller manager. It alone
// would otherwise look for volume plugins outside the state directory.
// nodeGrace is how long a node may be silent before it counts as lost.
func ControllerManagerArgs(l Layout, ports map[string]int, nodeGrace time.Duration) []string {
	config := l.ComponentKubeconfig(ControllerManager)
	return []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authentication-skip-lookup=true", // of a CA for proxies, which there is none of
		"--authorization-kubeconfig=" + config,
		"--bind-address=" + Host,
		"--secure-port=" + strconv.Itoa(ports[PortControllerManager]),
		"--tls-cert-file=" + l.cert("kube-controller-manager"),
		"--tls-private-key-file=" + l.key("kube-controller-manager"),
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + l.key("service-account"),
		"--root-ca-file=" + l.cert("cluster-ca"),
		"--node-monitor-grace-period=" + nodeGrace.String(),
		"--flex-volume-plugin-dir=" + l.volumePlugins(),
		"--profiling=false",
	}
}

// SchedulerArgs are the arguments of the scheduler.
func SchedulerArgs(l Layout, ports map[string]int) []string {
	config := l.ComponentKubeconfig(Scheduler)
	return []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authentication-skip-lookup=true", // of a CA for proxies, which there is none of
		"--authorization-kubeconfig=" + config,
		"--bind-address=" + Host,
		"--secure-port=" + strconv.Itoa(ports[PortScheduler]),
		"--tls-cert-file=" + l.cert("kube-scheduler"),
		"--tls-private-key-file=" + l.key("kube-scheduler"),
		"--leader-elect=false",
		"--profiling=false",
	}
}

// ArgoPace is how fast Argo's controller may be.
type ArgoPace struct {
	// Requeue is the pause between two looks at one Workflow.
	Requeue time.Duration `json:"requeue"`
	// QPS and Burst bound the controller's requests, on average and at once.
	QPS   int `json:"qps"`
	Burst int `json:"burst"`
	// MaxWorkflow is the size in bytes above which the controller compresses the
	// node statuses of a Workflow, and fails it if that is not enough.
	MaxWorkflow int `json:"max_workflow"`
	// NoWriteBack has the controller wait a second after each look until it hears
	// of what it has written, instead of keeping that in memory. There it would not
	// be compressed, and be decoded at each event of a pod.
	NoWriteBack bool `json:"no_write_back,omitempty"`
}

// ArgoArgs are the arguments of the Argo controller.
func ArgoArgs(l Layout, ports map[string]int, argoVersion string, pace ArgoPace) []string {
	return []string{
		"-kubeconfig=" + l.ComponentKubeconfig(ArgoController),
		"-namespace=argo",
		"-executor-image=" + ExecutorImage(argoVersion),
		"-health-address=" + address(ports[PortArgo]),
		"-qps=" + strconv.Itoa(pace.QPS),
		"-burst=" + strconv.Itoa(pace.Burst),
	}
}

// ArgoEnv is what the Argo controller reads from the environment. taskResults
// is how long the controller waits for the results of a pod that ended without
// reporting.
func ArgoEnv(pace ArgoPace, taskResults time.Duration) []string {
	return []string{
		"LEADER_ELECTION_DISABLE=true",
		"DEFAULT_REQUEUE_TIME=" + pace.Requeue.String(),
		"MAX_WORKFLOW_SIZE=" + strconv.Itoa(pace.MaxWorkflow),
		"INFORMER_WRITE_BACK=" + strconv.FormatBool(!pace.NoWriteBack),
		"TASK_RESULT_TIMEOUT_DURATION=" + taskResults.String(),
	}
}

// NodeFiles are the paths that the node agent needs of the control plane: the
// authority of the API server, its own serving certificate, and the authority
// of the one client it serves.
type NodeFiles struct{ Kubeconfig, CA, Cert, Key, ClientCA string }

// NodeFiles returns the node agent's files.
func (l Layout) NodeFiles() NodeFiles {
	return NodeFiles{
		Kubeconfig: l.ComponentKubeconfig(NodeAgent),
		CA:         l.CA(),
		Cert:       l.cert("node"),
		Key:        l.key("node"),
		ClientCA:   l.cert("node-ca"),
	}
}
