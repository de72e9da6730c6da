// Calls every loss of a running service through the Java client, with its card's example and with the requests of a file, and one that wants a
// token; prints one line of JSON. Arguments: address, file, address that wants the token, token.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.CatalogueApi;
import org.openapitools.client.api.LossApi;
import org.openapitools.client.model.Card;
import org.openapitools.client.model.LossAnswer;
import org.openapitools.client.model.MeanAbsoluteErrorRequest;
import org.openapitools.client.model.Reduction;
import org.openapitools.client.model.SmoothL1Request;
import org.openapitools.client.model.Tensor;

public class EveryLoss {
  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    LossApi losses = new LossApi(client);
    ObjectMapper mapper = client.getObjectMapper();
    Map<String, Object> answers = new TreeMap<>();
    for (Card card : new CatalogueApi(client).listLosses(null, null)) {
      Method method = method(card.getName());
      answers.put(card.getName(), method.invoke(losses, mapper.convertValue(card.getExample().getRequest(), method.getParameterTypes()[0])));
    }
    Map<String, Object> compact = new TreeMap<>();
    Map<?, ?> requests = mapper.readValue(new File(arguments[1]), Map.class);
    for (Object name : requests.keySet()) {
      Method method = method((String) name);
      compact.put((String) name, method.invoke(losses, mapper.convertValue(requests.get(name), method.getParameterTypes()[0])));
    }
    Map<String, Object> found = Map.of("answers", answers, "compact", compact, "survived", survived(losses), "rejected", rejected(losses));
    Map<String, Object> more = new TreeMap<>(found);
    more.put("returned", returned(losses));
    more.put("admitted", admitted(arguments[2], arguments[3]));
    System.out.println(mapper.writeValueAsString(more));
  }

  // This library has no other place for a token.
  static double admitted(String address, String token) throws ApiException {
    ApiClient client = new ApiClient();
    client.updateBaseUri(address);
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    return new LossApi(client).smoothL1(new SmoothL1Request().predictions(all(2, 3.0)).labels(all(2, 0.0))).getValue();
  }

  // The same by base64.
  static boolean returned(LossApi losses) throws ApiException {
    double[] numbers = {Double.MIN_VALUE, Double.MAX_VALUE, -0.0, 0.1, 1.0 / 3, Double.MIN_NORMAL, 1e20, -Math.PI};
    int n = numbers.length;
    LossAnswer answer =
        losses.meanAbsoluteError(
            new MeanAbsoluteErrorRequest()
                .predictions(Tensors.of(new double[] {1, 1, 1, 1, 1, 1, 1, 1}, n))
                .labels(Tensors.of(new double[n], n))
                .reduction(Reduction.NONE)
                .cotangent(Tensors.of(numbers, n)));
    return Arrays.equals(Tensors.doubles(answer.getGradients().get("predictions")), numbers)
        && Tensors.doubles(answer.getPerSampleTensor())[0] == 1.0;
  }

  // wasserstein_1d is wasserstein1d here.
  static Method method(String name) {
    return Arrays.stream(LossApi.class.getMethods())
        .filter(found -> found.getName().equalsIgnoreCase(name.replace("_", "")) && found.getParameterCount() == 1)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no method for " + name));
  }

  // What a person would write. The derivative of |x| at 1 is 1: the gradient is the cotangent.
  static boolean survived(LossApi losses) throws ApiException {
    List<Double> numbers = List.of(Double.MIN_VALUE, Double.MAX_VALUE, -0.0, 0.1, 1.0 / 3, Double.MIN_NORMAL, 1e20, -Math.PI);
    LossAnswer answer =
        losses.meanAbsoluteError(
            new MeanAbsoluteErrorRequest()
                .predictions(all(numbers.size(), 1.0))
                .labels(all(numbers.size(), 0.0))
                .reduction(Reduction.NONE)
                .cotangent(new Tensor().shape(List.of(numbers.size())).data(numbers)));
    return answer.getGradients().get("predictions").getData().equals(numbers); // Double.equals tells -0.0 from 0.0
  }

  static String rejected(LossApi losses) {
    try {
      losses.smoothL1(new SmoothL1Request().predictions(all(2, 1.0)).labels(all(2, 0.0)).beta(-1.0));
      return "not rejected";
    } catch (ApiException problem) {
      return problem.getCode() + " " + problem.getResponseBody();
    }
  }

  static Tensor all(int size, double number) {
    return new Tensor().shape(List.of(size)).data(Collections.nCopies(size, number));
  }
}
