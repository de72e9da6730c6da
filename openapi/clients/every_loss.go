// Calls every loss of a running service with its card's example through the Go client, and prints one line of JSON.
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
		answers[card.Name] = call(client, card)
	}
	line, err := json.Marshal(map[string]any{"answers": answers, "survived": survived(client), "refused": refused(client)})
	check(err)
	fmt.Println(string(line))
}

// call finds the operation by its name: cross_entropy is LossAPI.CrossEntropy(ctx).CrossEntropyRequest(request).Execute().
func call(client *openapi.APIClient, card openapi.Card) any {
	operation := invoke(named(reflect.ValueOf(client.LossAPI), card.Name), reflect.ValueOf(context.Background()))[0]
	setter := named(operation, card.Name+"_request")
	request := reflect.New(setter.Type().In(0))
	body, err := json.Marshal(card.Example.Request)
	check(err)
	check(json.Unmarshal(body, request.Interface()))
	found := invoke(named(invoke(setter, request.Elem())[0], "execute"))
	if err, failed := found[2].Interface().(error); failed {
		check(fmt.Errorf("%s: %w", card.Name, err))
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
	size := []int32{int32(len(numbers))}
	ones, zeros := make([]float64, len(numbers)), make([]float64, len(numbers))
	for i := range ones {
		ones[i] = 1
	}
	request := openapi.NewMeanAbsoluteErrorRequest(*openapi.NewTensor(size, ones), *openapi.NewTensor(size, zeros))
	request.SetReduction(openapi.NONE)
	request.SetCotangent(*openapi.NewTensor(size, numbers))
	answer, _, err := client.LossAPI.MeanAbsoluteError(context.Background()).MeanAbsoluteErrorRequest(*request).Execute()
	check(err)
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
	return slices.EqualFunc(answer.Gradients["predictions"].Data, numbers, same)
}

func refused(client *openapi.APIClient) string {
	one := openapi.NewTensor([]int32{1}, []float64{1})
	request := openapi.NewSmoothL1Request(*one, *one)
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
