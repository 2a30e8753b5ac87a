package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// Manager is the field manager that the tests apply as.
const Manager = "e2e"

// warnings keeps the Warning headers of the API server's answers.
type warnings struct {
	mu   sync.Mutex
	said []string
}

// HandleWarningHeader keeps one.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

// take returns what was said since the last call.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

// Objects reads a stream of YAML documents.
func Objects(t testing.TB, text []byte) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 1<<16)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err)
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// Ref names an object in messages and comparisons.
func Ref(o *unstructured.Unstructured) string {
	return o.GroupVersionKind().GroupKind().String() + " " + o.GetNamespace() + "/" + o.GetName()
}

// resource is the API for objects like this one.
func (c *Cluster) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := o.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		c.mapper.Reset()
		if mapping, err = c.mapper.RESTMapping(kind.GroupKind(), kind.Version); err != nil {
			return nil, err
		}
	}
	if mapping.Scope.Name() == "root" {
		return c.Dynamic.Resource(mapping.Resource), nil
	}
	if o.GetNamespace() == "" {
		return nil, fmt.Errorf("%s has no namespace", Ref(o))
	}
	return c.Dynamic.Resource(mapping.Resource).Namespace(o.GetNamespace()), nil
}

// TryApply applies an object on the server's side, unknown and repeated fields being errors. It returns the object as it
// is stored and what the server warned of.
func (c *Cluster) TryApply(o *unstructured.Unstructured) (*unstructured.Unstructured, []string, error) {
	resource, err := c.resource(o)
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(o.Object)
	if err != nil {
		return nil, nil, err
	}
	c.warnings.take()
	force := true
	stored, err := resource.Patch(context.Background(), o.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{
		FieldManager: Manager, FieldValidation: metav1.FieldValidationStrict, Force: &force,
	})
	return stored, c.warnings.take(), err
}

// Apply applies objects, namespaces first, and makes the namespaces that are not among them. They must be accepted
// without a warning. With the test they go again. It returns them as they are stored, by reference.
func (c *Cluster) Apply(t testing.TB, objects []*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	t.Helper()
	c.Need(t, objects)
	all := map[string]*unstructured.Unstructured{}
	for _, o := range inOrder(objects) {
		stored, said, err := c.TryApply(o)
		require.NoError(t, err, Ref(o))
		require.Empty(t, said, "warnings about %s", Ref(o))
		require.NotContains(t, all, Ref(o), "two objects of one name")
		all[Ref(o)] = stored
	}
	t.Cleanup(func() { c.Delete(t, objects) })
	return all
}

// ApplyYAML is [Cluster.Apply] of a text.
func (c *Cluster) ApplyYAML(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	objects := Objects(t, []byte(text))
	c.Apply(t, objects)
	return objects
}

// ExpectRejected applies a text's objects, the last of which must be refused with these words.
func (c *Cluster) ExpectRejected(t testing.TB, text string, words ...string) {
	t.Helper()
	objects := Objects(t, []byte(text))
	require.NotEmpty(t, objects)
	last := objects[len(objects)-1]
	c.Need(t, objects)
	c.Apply(t, objects[:len(objects)-1])
	_, _, err := c.TryApply(last)
	if err == nil {
		c.Delete(t, []*unstructured.Unstructured{last})
	}
	require.Error(t, err, "%s was accepted", Ref(last))
	for _, w := range words {
		require.ErrorContains(t, err, w)
	}
}

// inOrder puts namespaces before what is in them.
func inOrder(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	sorted := slices.Clone(objects)
	slices.SortStableFunc(sorted, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	return sorted
}

func rank(o *unstructured.Unstructured) int {
	switch o.GetKind() {
	case "Namespace":
		return 0
	case "ServiceAccount":
		return 1
	}
	return 2
}

// Need makes the namespaces of objects, for as long as the test lasts, where the objects do not bring them.
func (c *Cluster) Need(t testing.TB, objects []*unstructured.Unstructured) {
	t.Helper()
	brought := map[string]bool{"": true}
	for _, o := range objects {
		if o.GetKind() == "Namespace" {
			brought[o.GetName()] = true
		}
	}
	for _, o := range objects {
		if !brought[o.GetNamespace()] {
			brought[o.GetNamespace()] = true
			c.Namespace(t, o.GetNamespace())
		}
	}
}

// Namespace makes a namespace that somebody else owns; if there was none, it goes with the test.
func (c *Cluster) Namespace(t testing.TB, name string) {
	t.Helper()
	made, err := c.Kube.CoreV1().Namespaces().Create(context.Background(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return
	}
	require.NoError(t, err)
	t.Cleanup(func() { c.deleteNamespace(t, made.Name) })
}

// Delete deletes objects, namespaces last, and what else is in those namespaces.
func (c *Cluster) Delete(t testing.TB, objects []*unstructured.Unstructured) {
	t.Helper()
	reversed := inOrder(objects)
	slices.Reverse(reversed)
	for _, o := range reversed {
		if o.GetKind() == "Namespace" {
			c.deleteNamespace(t, o.GetName())
			continue
		}
		resource, err := c.resource(o)
		require.NoError(t, err)
		err = resource.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			require.NoError(t, err, Ref(o))
		}
	}
}

// kept are the namespaces that the servers themselves live in.
var kept = map[string]bool{"default": true, "kube-system": true, "istio-system": true}

// deleteNamespace does what the namespace controller does, which is not here: it empties a namespace and lets it go.
func (c *Cluster) deleteNamespace(t testing.TB, name string) {
	t.Helper()
	if kept[name] {
		return
	}
	ctx := context.Background()
	for _, kind := range []struct{ group, version, kind string }{
		{"", "v1", "ConfigMap"}, {"", "v1", "Secret"}, {"", "v1", "ServiceAccount"}, {"", "v1", "Pod"},
		{"networking.istio.io", "v1", "WorkloadEntry"},
	} {
		o := &unstructured.Unstructured{}
		o.SetAPIVersion((metav1.GroupVersion{Group: kind.group, Version: kind.version}).String())
		o.SetKind(kind.kind)
		o.SetNamespace(name)
		resource, err := c.resource(o)
		require.NoError(t, err)
		require.NoError(t, resource.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	}
	err := c.Kube.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return
	}
	if !apierrors.IsConflict(err) { // it is being deleted already
		require.NoError(t, err)
	}
	eventually(t, "namespace "+name+" to go", func() error {
		namespace, err := c.Kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		namespace.Spec.Finalizers = nil
		if _, err := c.Kube.CoreV1().Namespaces().Finalize(ctx, namespace, metav1.UpdateOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		_, err = c.Kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, errors.New("it is still there"))
	})
}

// ApplyWithStatus is [Cluster.Apply] of objects whose status is not left to controllers, for there are none here.
func (c *Cluster) ApplyWithStatus(t testing.TB, objects []*unstructured.Unstructured) {
	t.Helper()
	c.Apply(t, objects)
	for _, o := range objects {
		status, there := o.Object["status"]
		if !there {
			continue
		}
		resource, err := c.resource(o)
		require.NoError(t, err)
		stored, err := resource.Get(context.Background(), o.GetName(), metav1.GetOptions{})
		require.NoError(t, err)
		stored.Object["status"] = status
		_, err = resource.UpdateStatus(context.Background(), stored, metav1.UpdateOptions{})
		require.NoError(t, err, Ref(o))
	}
}
