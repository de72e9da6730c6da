// Calls every loss of a running service through the Go client, with its card's example and with the requests of a file, and one that wants a
// token; prints one line of JSON. Arguments: address, file, address that wants the token, token.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"

	openapi "github.com/GIT_USER_ID/GIT_REPO_ID"
)

func main() {
	configuration := openapi.NewConfiguration()
	configuration.Servers[0].URL = os.Args[1]
	client := openapi.NewAPIClient(configuration)
	cards, _, err := client.CatalogueAPI.ListLosses(context.Background()).Execute()
	check(err)
	answers := map[string]any{}
	for _, card := range cards {
		body, err := json.Marshal(card.Example.Request)
		check(err)
		answers[card.Name] = call(client, card.Name, body)
	}
	found := map[string]any{"answers": answers, "compact": compact(client, os.Args[2]), "survived": survived(client), "rejected": rejected(client)}
	found["returned"], found["admitted"] = returned(client), admitted(os.Args[3], os.Args[4])
	line, err := json.Marshal(found)
	check(err)
	fmt.Println(string(line))
}

func compact(client *openapi.APIClient, path string) map[string]any {
	text, err := os.ReadFile(path)
	check(err)
	requests, answers := map[string]json.RawMessage{}, map[string]any{}
	check(json.Unmarshal(text, &requests))
	for name, body := range requests {
		answers[name] = call(client, name, body)
	}
	return answers
}

func admitted(address string, token string) float64 {
	configuration := openapi.NewConfiguration()
	configuration.Servers[0].URL = address
	authorized := context.WithValue(context.Background(), openapi.ContextAccessToken, token)
	three, zero := list(3), list(0)
	request := openapi.NewSmoothL1Request(three, zero)
	answer, _, err := openapi.NewAPIClient(configuration).LossAPI.SmoothL1(authorized).SmoothL1Request(*request).Execute()
	check(err)
	return answer.GetValue()
}

func list(numbers ...float64) openapi.Tensor {
	return openapi.Tensor{Shape: []int32{int32(len(numbers))}, Data: numbers}
}

// call finds the operation by its name: cross_entropy is LossAPI.CrossEntropy(ctx).CrossEntropyRequest(request).Execute().
func call(client *openapi.APIClient, name string, body []byte) any {
	operation := invoke(named(reflect.ValueOf(client.LossAPI), name), reflect.ValueOf(context.Background()))[0]
	setter := named(operation, name+"_request")
	request := reflect.New(setter.Type().In(0))
	check(json.Unmarshal(body, request.Interface()))
	found := invoke(named(invoke(setter, request.Elem())[0], "execute"))
	if err, failed := found[2].Interface().(error); failed {
		check(fmt.Errorf("%s: %w", name, err))
	}
	return found[0].Interface()
}

func named(value reflect.Value, name string) reflect.Value {
	for i := range value.NumMethod() {
		if strings.EqualFold(value.Type().Method(i).Name, strings.ReplaceAll(name, "_", "")) {
			return value.Method(i)
		}
	}
	panic("no method for " + name)
}

func invoke(method reflect.Value, arguments ...reflect.Value) []reflect.Value {
	return method.Call(arguments)
}

// What a person would write. The derivative of |x| at 1 is 1: the gradient is the cotangent. -0 does not survive: encoding/json makes it -0,
// which JSON parsers read as an integer without a sign.
func survived(client *openapi.APIClient) bool {
	numbers := []float64{math.SmallestNonzeroFloat64, math.MaxFloat64, 0.1, 1.0 / 3, 2.2250738585072014e-308, 1e20, -math.Pi}
	ones, zeros := make([]float64, len(numbers)), make([]float64, len(numbers))
	for i := range ones {
		ones[i] = 1
	}
	request := openapi.NewMeanAbsoluteErrorRequest(list(ones...), list(zeros...))
	request.SetReduction(openapi.NONE)
	request.SetCotangent(list(numbers...))
	answer, _, err := client.LossAPI.MeanAbsoluteError(context.Background()).MeanAbsoluteErrorRequest(*request).Execute()
	check(err)
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
	return slices.EqualFunc(answer.Gradients["predictions"].Data, numbers, same)
}

// The same by base64, which keeps the sign of -0 too.
func returned(client *openapi.APIClient) bool {
	numbers := []float64{math.SmallestNonzeroFloat64, math.MaxFloat64, math.Copysign(0, -1), 1e20, -math.Pi}
	request := openapi.NewMeanAbsoluteErrorRequest(tensorOf([]float64{1, 1, 1, 1, 1}, 5), tensorOf(make([]float64, 5), 5))
	request.SetReduction(openapi.NONE)
	request.SetCotangent(tensorOf(numbers, 5))
	answer, _, err := client.LossAPI.MeanAbsoluteError(context.Background()).MeanAbsoluteErrorRequest(*request).Execute()
	check(err)
	found, err := floatsOf(answer.Gradients["predictions"])
	check(err)
	losses, err := floatsOf(answer.GetPerSampleTensor())
	check(err)
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
	return slices.EqualFunc(found, numbers, same) && losses[0] == 1
}

func rejected(client *openapi.APIClient) string {
	request := openapi.NewSmoothL1Request(list(1), list(1))
	request.SetBeta(-1)
	_, answer, err := client.LossAPI.SmoothL1(context.Background()).SmoothL1Request(*request).Execute()
	problem, typed := err.(*openapi.GenericOpenAPIError).Model().(openapi.Problem)
	if !typed || answer.StatusCode != http.StatusUnprocessableEntity {
		return "no typed problem"
	}
	return fmt.Sprint(problem.Status, " ", problem.Detail)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
