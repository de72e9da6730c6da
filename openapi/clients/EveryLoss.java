// Calls every loss of a running service with its card's example through the Java client, and prints one line of JSON.
import com.fasterxml.jackson.databind.ObjectMapper;
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
    for (Card card : new CatalogueApi(client).listLosses(null)) {
      Method method = method(card.getName());
      answers.put(card.getName(), method.invoke(losses, mapper.convertValue(card.getExample().getRequest(), method.getParameterTypes()[0])));
    }
    System.out.println(mapper.writeValueAsString(Map.of("answers", answers, "survived", survived(losses), "refused", refused(losses))));
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

  static String refused(LossApi losses) {
    try {
      losses.smoothL1(new SmoothL1Request().predictions(all(2, 1.0)).labels(all(2, 0.0)).beta(-1.0));
      return "not refused";
    } catch (ApiException problem) {
      return problem.getCode() + " " + problem.getResponseBody();
    }
  }

  static Tensor all(int size, double number) {
    return new Tensor().shape(List.of(size)).data(Collections.nCopies(size, number));
  }
}
