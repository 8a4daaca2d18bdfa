// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"

	"github.com/alecthomas/kong"
)

// normalize adds the second dash to long flags with one dash (-var k=v, as in
// Terraform). Values of flags, and arguments after "--", stay unchanged.
func normalize(model *kong.Application, args []string) []string {
	takesValue := map[string]bool{}
	collectFlags(model.Node, takesValue)

	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(out, args[i:]...)
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		value, known := takesValue[name]
		if !known || !strings.HasPrefix(arg, "-") {
			out = append(out, arg)
			continue
		}
		if !strings.HasPrefix(arg, "--") && len(name) > 1 {
			arg = "-" + arg
		}
		out = append(out, arg)
		if value && !hasValue && i+1 < len(args) {
			i++
			out = append(out, args[i])
		}
	}
	return out
}

// collectFlags collects every flag of the tree, by long and short name, and whether
// it has a value.
func collectFlags(node *kong.Node, takesValue map[string]bool) {
	for _, flag := range node.Flags {
		takesValue[flag.Name] = !flag.IsBool()
		if flag.Short != 0 {
			takesValue[string(flag.Short)] = !flag.IsBool()
		}
	}
	for _, child := range node.Children {
		collectFlags(child, takesValue)
	}
}
