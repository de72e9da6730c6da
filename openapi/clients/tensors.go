package main

import (
	"encoding/base64"
	"encoding/binary"

	openapi "github.com/GIT_USER_ID/GIT_REPO_ID"
)

func tensorOf(values []float64, shape ...int32) openapi.Tensor {
	bytes, _ := binary.Append(nil, binary.LittleEndian, values)
	text, dtype := base64.StdEncoding.EncodeToString(bytes), openapi.FLOAT64
	return openapi.Tensor{Shape: shape, Dtype: &dtype, Base64: &text}
}

func floatsOf(tensor openapi.Tensor) ([]float64, error) {
	bytes, err := base64.StdEncoding.DecodeString(tensor.GetBase64())
	values := make([]float64, len(bytes)/8)
	if err == nil {
		_, err = binary.Decode(bytes, binary.LittleEndian, values)
	}
	return values, err
}
