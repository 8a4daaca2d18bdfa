// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/zclconf/go-cty/cty"
)

// literals are texts that HCL, Terraform, YAML, Argo, the kubelet or a shell
// read as more than text.
var literals = []string{
	`double " single ' back ` + "`" + ` slash \ \n`,
	"two\nlines\r\n\tand a tab ",
	"{{workflow.name}}",
	"{{=1+1}}",
	"{{{=retries}}}",
	"{{item}}{{inputs.parameters.i}}",
	"$",
	"$$",
	"$$$$",
	"$(HOME)",
	"$(BACKFILL_JOB)",
	"$$(BACKFILL_JOB)",
	"$({{workflow.name}})",
	"${",
	"${HOME}",
	"%{",
	"${partition.key}",
	"%{ if true }",
	"🦊 ü \u2028",
	"",
	" ",
	"- x: [y]",
	"# no comment",
	"---",
	"null",
	"0123",
	"<&>",
	`{"a": 1}`,
}

// values are keys with the same difficulties; each is a partition.
var values = []string{
	"plain",
	`{{workflow.name}} {{=1+1}} $(BACKFILL_JOB) $$`,
	"quotes \"'` and\nlines ${partition.key} 🦊",
}

// literalRunner writes its arguments and its environment, each ended by a NUL,
// to files named by the partition's index.
const literalRunner = `cd /out; printf '%s\0' "$@" > "$BACKFILL_JOB.$BACKFILL_PARTITION_INDEX.args"; exec cat /proc/self/environ > "$BACKFILL_JOB.$BACKFILL_PARTITION_INDEX.env"`

// face is one of the two ways to write a job.
type face struct {
	name string
	// escape is what a literal text needs besides HCL's own quoting, and
	// reference starts a reference to the partition.
	escape    func(string) string
	reference string
}

var faces = []face{
	{"literal-file", func(s string) string { return s }, "${"},
	{"literal-terraform", func(s string) string { return strings.ReplaceAll(s, "${partition.", "$${partition.") }, "$${"},
}

// quoted writes a text as HCL does, without the quotes around it.
func (f face) quoted(text string) string {
	q := string(hclwrite.TokensForValue(cty.StringVal(f.escape(text))).Bytes())
	return q[1 : len(q)-1]
}

func (f face) list(texts ...string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = `"` + f.quoted(text) + `"`
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// body is the job, its outermost braces excepted. Command and variables hold
// the texts alone, arguments hold them around a reference.
func (f face) body(out string) string {
	var args, env []string
	for i, text := range literals {
		args = append(args, fmt.Sprintf(`"%s<%spartition.value}>%s"`, f.quoted(text), f.reference, f.quoted(text)))
		env = append(env, fmt.Sprintf("TEXT_%d = \"%s\"", i, f.quoted(text)))
	}
	return fmt.Sprintf(
		`
  partition = { values = %s }
  runner = {
    image           = "busybox"
    command         = %s
    args            = [%s]
    env             = { %s }
    volumes         = [{ name = "out", mount_path = "/out", host_path = "%s" }]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  retry                        = { limit = 0 }
`,
		face{escape: func(s string) string { return s }}.list(values...),
		f.list(
			append([]string{"sh", "-euc", literalRunner, "runner"}, literals...)...),
		strings.Join(args, ", "),
		strings.Join(env, ", "),
		f.quoted(out),
	)
}

// config is both jobs in one Terraform configuration.
func literalConfig(file, out string) string {
	return fmt.Sprintf(`
resource "backfill_job" "file" {
  source = file("%s")
}
resource "backfill_job" "terraform" {
  name = "%s"
%s
}
`, faces[1].quoted(file), faces[1].name, faces[1].body(out))
}

// What is not a reference arrives in the container byte for byte, whichever
// way the job is written.
func TestTextArrivesByteForByte(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	file := filepath.Join(t.TempDir(), "literal.backfill.hcl")
	if err := os.WriteFile(
		file,
		[]byte(fmt.Sprintf("job %q {\n%s}\n", faces[0].name, faces[0].body(out))),
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	apply(t, c,
		resource.TestStep{Config: literalConfig(file, out)},
		resource.TestStep{
			PreConfig: func() {
				for _, f := range faces {
					c.ended(t, f.name+"-r1", 4*time.Minute)
				}
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.file", "phase", "Complete"),
				resource.TestCheckResourceAttr("backfill_job.terraform", "phase", "Complete"),
			),
		},
	)
	for _, f := range faces {
		for i, value := range values {
			checkArrival(t, filepath.Join(out, fmt.Sprintf("%s.%d", f.name, i)), value)
		}
	}
}

// checkArrival compares what one container wrote with what was written for it.
func checkArrival(t *testing.T, path, value string) {
	t.Helper()
	want := slices.Clone(literals) // the rest of the command
	for _, text := range literals {
		want = append(want, text+"<"+value+">"+text)
	}
	got := records(t, path+".args")
	if len(got) != len(want) {
		t.Errorf("%s: %d arguments arrived, want %d: %q", path, len(got), len(want), got)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: argument %d arrived as %q, want %q", path, i, got[i], want[i])
		}
	}
	env := map[string]string{}
	for _, record := range records(t, path+".env") {
		name, text, _ := strings.Cut(record, "=")
		env[name] = text
	}
	for i, text := range literals {
		if got := env[fmt.Sprintf("TEXT_%d", i)]; got != text {
			t.Errorf("%s: variable %d arrived as %q, want %q", path, i, got, text)
		}
	}
	if got := env["BACKFILL_PARTITION_VALUE"]; got != value {
		t.Errorf("%s: the value arrived as %q, want %q", path, got, value)
	}
}

// records reads a file of texts that a NUL ends.
func records(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}
