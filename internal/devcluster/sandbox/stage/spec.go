// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

// Markers in argv[0] that make this package take over a process.
const (
	// InitArg0 marks the first process of a container: it is PID 1 of new mount and PID namespaces.
	InitArg0 = "backfill-sandbox-init"
	// ExecArg0 marks a helper that joins a running container and runs one more command there.
	ExecArg0 = "backfill-sandbox-exec"
)

// Descriptors that a staged process inherits beside its standard streams.
const (
	// ControlFD delivers one JSON document, a Spec or an ExecSpec. The other end stays open while the parent lives.
	ControlFD = 3
	// StatusFD takes the text of an error; it closes without a byte when the command has been started.
	StatusFD = 4
	// MountNamespaceFD and PIDNamespaceFD are the namespaces that an exec joins.
	MountNamespaceFD = 5
	PIDNamespaceFD   = 6
)

// StartFailedCode is the exit code of a process that could not become its command, the code that containerd reports.
const StartFailedCode = 128

// Identity is the user that a command runs as. Nil fields keep uid 0 and gid 0.
type Identity struct {
	UID    *int64  `json:"uid,omitempty"`
	GID    *int64  `json:"gid,omitempty"`
	Groups []int64 `json:"groups,omitempty"`
}

// Command is what is executed. Args[0] without a slash is looked up in the PATH of Env.
type Command struct {
	Args     []string `json:"args"`
	Env      []string `json:"env"`
	Dir      string   `json:"dir,omitempty"`
	Identity Identity `json:"identity"`
}

// Mount binds the host's Source, with everything mounted below it, at Target inside the container.
type Mount struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// Spec describes one container.
type Spec struct {
	Command
	// Root is an empty directory of the host on which the new root is assembled; nothing is written to it.
	Root string `json:"root"`
	// Mounts are applied from the shallowest target to the deepest. A missing mount point is made
	// without touching the host.
	Mounts []Mount `json:"mounts"`
	// Masks are host paths that the container must not see: directories look empty, files look like /dev/null.
	Masks []string `json:"masks,omitempty"`
	// Programs maps a command name to a host file that is run for it, whatever the PATH holds.
	Programs map[string]string `json:"programs,omitempty"`
}

// ExecSpec describes one more command in a running container.
type ExecSpec struct {
	Command
	Programs map[string]string `json:"programs,omitempty"`
	// TTY says that descriptor 0 is a terminal and becomes the controlling terminal.
	TTY bool `json:"tty,omitempty"`
}
