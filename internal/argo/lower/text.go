// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// Environment variables of every runner.
const (
	envJob     = "BACKFILL_JOB"
	envRun     = "BACKFILL_RUN"
	envAttempt = "BACKFILL_ATTEMPT"
	envGrace   = "BACKFILL_GRACE_SECONDS"
	// envEmpty is the empty variable that keeps two braces of user text apart.
	envEmpty = "BACKFILL_EMPTY"
)

// scope knows which references a runner may use, and under which variable.
type scope map[string]string

// newScope has the references to facts besides those that concern no partition.
func newScope(facts ...string) scope {
	s := scope{"job.name": envJob, "run.name": envRun, "attempt": envAttempt}
	for _, name := range facts {
		s["partition."+name] = expr.FactVar(name)
	}
	return s
}

// expandable writes text for a field in which the kubelet expands `$(NAME)`:
// command, args, and the value of an environment variable. What is literal
// reaches the container byte for byte:
//
//   - Kubernetes turns `$$` into `$` and looks up `$(…)`, so a dollar before a
//     dollar or an opening parenthesis is doubled.
//   - Argo evaluates `{{…}}` several times over, also in values it has just
//     put in, and knows no escape. So no two opening braces ever stand side by
//     side: an empty variable, which only the kubelet resolves, is between them.
//
// See internal/decisions/0021-user-text-is-not-templated.md.
func (s scope) expandable(text job.Text) (string, error) {
	var out strings.Builder
	for i := 0; i < len(text); {
		if ref := text[i].Ref; ref != "" {
			name, ok := s[ref]
			if !ok {
				return "", fmt.Errorf("there is no reference %s in this job", ref)
			}
			out.WriteString("$(" + name + ")")
			i++
			continue
		}
		var literal strings.Builder
		for ; i < len(text) && text[i].Ref == ""; i++ {
			literal.WriteString(text[i].Literal)
		}
		writeLiteral(&out, literal.String(), i < len(text))
	}
	return out.String(), nil
}

// writeLiteral escapes one unbroken literal; a reference follows it or not.
func writeLiteral(out *strings.Builder, literal string, refFollows bool) {
	for i := range len(literal) {
		next := byte(0)
		switch {
		case i+1 < len(literal):
			next = literal[i+1]
		case refFollows:
			next = '$'
		}
		out.WriteByte(literal[i])
		switch {
		case literal[i] == '$' && (next == '$' || next == '('):
			out.WriteByte('$')
		case literal[i] == '{' && next == '{':
			out.WriteString("$(" + envEmpty + ")")
		}
	}
}

// list is expandable for every element.
func (s scope) list(what string, texts []job.Text) ([]any, error) {
	out := make([]any, len(texts))
	for i, text := range texts {
		written, err := s.expandable(text)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", what, i, err)
		}
		out[i] = written
	}
	return out, nil
}

// tagged finds the first string below v that holds an opening Argo tag, and
// where; path is "" when there is none. It guards the fields in which neither
// Argo nor Kubernetes offers an escape.
func tagged(path string, v any) (where, text string) {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "{{") {
			return path, v
		}
	case []any:
		for i, item := range v {
			if where, text := tagged(fmt.Sprintf("%s[%d]", path, i), item); where != "" {
				return where, text
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if strings.Contains(key, "{{") {
				return path, key
			}
			if where, text := tagged(path+"."+key, v[key]); where != "" {
				return where, text
			}
		}
	}
	return "", ""
}
