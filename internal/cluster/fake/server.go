// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package fake

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
)

// Handler serves c as an API server does, so far as this program asks: the
// paths of its kinds, pages, preconditions and Status answers.
func Handler(c *Cluster) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &session{cluster: c, w: w, r: r}
		if !s.route() {
			http.Error(w, "404 page not found", http.StatusNotFound)
			return
		}
		s.answer()
	})
}

type session struct {
	cluster *Cluster
	w       http.ResponseWriter
	r       *http.Request

	kind            cluster.Kind
	namespace, name string
}

// route reads [/api/v1|/apis/GROUP/VERSION]/namespaces/NS/RESOURCE[/NAME].
func (s *session) route() bool {
	prefix, rest, ok := strings.Cut(s.r.URL.Path, "/namespaces/")
	if !ok {
		return false
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return false
	}
	s.namespace = parts[0]
	if len(parts) == 3 {
		s.name = parts[2]
	}
	for _, kind := range []cluster.Kind{cluster.ConfigMap, cluster.Workflow, cluster.WorkflowTemplate, cluster.Pod} {
		resource := cluster.Resource(kind)
		root := "/apis/" + resource.Group + "/" + resource.Version
		if resource.Group == "" {
			root = "/api/" + resource.Version
		}
		if root == prefix && resource.Resource == parts[1] {
			s.kind = kind
			return !s.cluster.Missing[kind]
		}
	}
	return false
}

func (s *session) answer() {
	ctx := s.r.Context()
	switch {
	case s.r.Method == http.MethodGet && s.name == "":
		s.list()
	case s.r.Method == http.MethodGet:
		o, err := s.cluster.Get(ctx, s.kind, s.namespace, s.name)
		s.write(http.StatusOK, o, err)
	case s.r.Method == http.MethodPost:
		if in := s.body(); in != nil {
			o, err := s.cluster.Create(ctx, in)
			s.write(http.StatusCreated, o, err)
		}
	case s.r.Method == http.MethodPut:
		if in := s.body(); in != nil {
			o, err := s.cluster.Update(ctx, in)
			s.write(http.StatusOK, o, err)
		}
	case s.r.Method == http.MethodPatch:
		patch, _ := io.ReadAll(s.r.Body)
		o, err := s.cluster.Patch(ctx, s.kind, s.namespace, s.name, patch)
		s.write(http.StatusOK, o, err)
	case s.r.Method == http.MethodDelete:
		var options metav1.DeleteOptions
		_ = json.NewDecoder(s.r.Body).Decode(&options)
		uid := ""
		if options.Preconditions != nil && options.Preconditions.UID != nil {
			uid = string(*options.Preconditions.UID)
		}
		err := s.cluster.Delete(ctx, s.kind, s.namespace, s.name, uid)
		s.write(http.StatusOK, &metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status:   metav1.StatusSuccess,
		}, err)
	}
}

// list pages through a selection; the continue token is the next position.
func (s *session) list() {
	query := s.r.URL.Query()
	found, err := s.cluster.List(s.r.Context(), s.kind, s.namespace, query.Get("labelSelector"))
	if err != nil {
		s.write(0, nil, err)
		return
	}
	from, _ := strconv.Atoi(query.Get("continue"))
	to := len(found)
	next := ""
	if limit, _ := strconv.Atoi(query.Get("limit")); limit > 0 && from+limit < to {
		to = from + limit
		next = strconv.Itoa(to)
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{
		"apiVersion": cluster.Resource(s.kind).GroupVersion().String(), "kind": string(s.kind) + "List",
		"metadata": map[string]any{"continue": next},
	}}
	for _, o := range found[min(from, len(found)):to] {
		list.Items = append(list.Items, *o)
	}
	s.write(http.StatusOK, list, nil)
}

func (s *session) body() *unstructured.Unstructured {
	data, err := io.ReadAll(s.r.Body)
	o := &unstructured.Unstructured{}
	if err == nil {
		err = o.UnmarshalJSON(data)
	}
	if err != nil {
		s.status(apierrors.NewBadRequest(err.Error()))
		return nil
	}
	return o
}

func (s *session) write(code int, o any, err error) {
	if err != nil {
		s.status(s.asStatus(err))
		return
	}
	s.w.Header().Set("Content-Type", "application/json")
	s.w.WriteHeader(code)
	_ = json.NewEncoder(s.w).Encode(o)
}

func (s *session) status(e *apierrors.StatusError) {
	e.ErrStatus.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	s.w.Header().Set("Content-Type", "application/json")
	s.w.WriteHeader(int(e.ErrStatus.Code))
	_ = json.NewEncoder(s.w).Encode(e.ErrStatus)
}

// asStatus says an error as the API server does.
func (s *session) asStatus(err error) *apierrors.StatusError {
	gvr := cluster.Resource(s.kind)
	resource := schema.GroupResource{Group: gvr.Group, Resource: gvr.Resource}
	switch cluster.ReasonOf(err) {
	case cluster.NotFound:
		return apierrors.NewNotFound(resource, s.name)
	case cluster.NoSuchNamespace:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, s.namespace)
	case cluster.AlreadyExists:
		return apierrors.NewAlreadyExists(resource, s.name)
	case cluster.Conflict:
		return apierrors.NewConflict(resource, s.name, err)
	case cluster.Forbidden:
		return apierrors.NewForbidden(resource, s.name, errors.New("RBAC: not permitted"))
	case cluster.Unauthorized:
		return apierrors.NewUnauthorized("Unauthorized")
	case cluster.TooLarge:
		return apierrors.NewRequestEntityTooLargeError("limit is 3145728")
	case cluster.Throttled:
		return apierrors.NewTooManyRequests("slow down", 1)
	case cluster.Refused:
		return apierrors.NewBadRequest(err.Error())
	}
	return apierrors.NewInternalError(err)
}
