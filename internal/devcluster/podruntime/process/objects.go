// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// rootCAName is the ConfigMap that the controller manager writes into every namespace; nearly every pod mounts it.
const rootCAName = "kube-root-ca.crt"

// rootCATTL bounds how old a remembered copy of it may be.
const rootCATTL = time.Minute

// objects reads what pods refer to from the API server.
type objects struct {
	client kubernetes.Interface

	mu      sync.Mutex
	rootCAs map[string]rootCA
}

type rootCA struct {
	object *corev1.ConfigMap
	read   time.Time
}

func (o *objects) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	if name == rootCAName {
		return o.rootCA(ctx, namespace)
	}
	return o.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
}

func (o *objects) rootCA(ctx context.Context, namespace string) (*corev1.ConfigMap, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if known, ok := o.rootCAs[namespace]; ok && time.Since(known.read) < rootCATTL {
		return known.object, nil
	}
	object, err := o.client.CoreV1().ConfigMaps(namespace).Get(ctx, rootCAName, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if o.rootCAs == nil {
		o.rootCAs = map[string]rootCA{}
	}
	o.rootCAs[namespace] = rootCA{object: object, read: time.Now()}
	return object, nil
}

func (o *objects) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return o.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}

// token asks for a token of the pod's service account that is bound to the pod.
func (o *objects) token(
	ctx context.Context,
	pod *corev1.Pod,
	projection *corev1.ServiceAccountTokenProjection,
) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: projection.ExpirationSeconds,
		BoundObjectRef: &authenticationv1.BoundObjectReference{
			APIVersion: "v1",
			Kind:       "Pod",
			Name:       pod.Name,
			UID:        pod.UID,
		},
	}}
	if projection.Audience != "" {
		request.Spec.Audiences = []string{projection.Audience}
	}
	granted, err := o.client.CoreV1().ServiceAccounts(pod.Namespace).
		CreateToken(ctx, pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return granted.Status.Token, nil
}

// claim returns the volume that a claim is bound to, nil while it is not bound.
func (o *objects) claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolume, error) {
	claim, err := o.client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if claim.Status.Phase != corev1.ClaimBound {
		return nil, nil
	}
	return o.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
}
