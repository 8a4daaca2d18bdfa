// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/zclconf/go-cty/cty"
)

// maxExpanded limits the values of a YAML text once its aliases are replaced with
// what they stand for. A few lines can stand for billions.
const maxExpanded = 100_000

func yamlCost(args []cty.Value) (Cost, error) {
	decoder := yaml.NewDecoder(strings.NewReader(textAt(args, 0)))
	var c Cost
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return c, nil
		case err != nil:
			return c, nil //nolint:nilerr // the function itself reports it
		}
		x := expansion{sizes: map[*yaml.Node]int64{}}
		count, err := x.size(&document, 0)
		if err != nil {
			return c, err
		}
		c.Steps += count
	}
}

// expansion counts the values below nodes, with aliases expanded.
type expansion struct{ sizes map[*yaml.Node]int64 }

func (x *expansion) size(n *yaml.Node, level int) (int64, error) {
	if level > maxLevels {
		return 0, errLevels
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if known, ok := x.sizes[n]; ok {
		if known == math.MaxInt64 {
			return 0, errors.New("a value in the YAML text contains itself")
		}
		return known, nil
	}
	x.sizes[n] = math.MaxInt64 // until it is known
	if n.Kind == yaml.ScalarNode && n.Tag != "!!str" && len(n.Value) > maxDigits {
		return 0, errHugeNumber
	}
	count := int64(1)
	for _, child := range n.Content {
		more, err := x.size(child, level+1)
		if err != nil {
			return 0, err
		}
		if count += more; count > maxExpanded {
			return 0, fmt.Errorf("the YAML text has more than %d values, with its aliases expanded", maxExpanded)
		}
	}
	x.sizes[n] = count
	return count, nil
}
