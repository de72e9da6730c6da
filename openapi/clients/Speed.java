import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.openapitools.client.ApiClient;
import org.openapitools.client.api.LossApi;
import org.openapitools.client.model.SmoothL1Request;
import org.openapitools.client.model.Tensor;

/** Milliseconds of smooth_l1 by lists and by base64, from arrays to an array, the best of several calls; prints one line of JSON. */
public final class Speed {
  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    LossApi api = new LossApi(client);
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int i = 1; i < arguments.length; i += 3) {
      rows.add(row(api, Integer.parseInt(arguments[i]), Integer.parseInt(arguments[i + 1]), Integer.parseInt(arguments[i + 2])));
    }
    System.out.println(new ObjectMapper().writeValueAsString(rows));
  }

  private static Map<String, Object> row(LossApi api, int n, int c, int calls) throws Exception {
    double[] predictions = new Random(0).doubles((long) n * c).toArray(), labels = new Random(1).doubles((long) n * c).toArray();
    double lists = Double.MAX_VALUE, base64 = Double.MAX_VALUE;
    double[] first = {}, second = {};
    for (int call = 0; call < calls; call++) {
      long start = System.nanoTime();
      first = fromLists(api.smoothL1(new SmoothL1Request().predictions(lists(predictions, n, c)).labels(lists(labels, n, c))).getGradients().get("predictions"));
      lists = Math.min(lists, (System.nanoTime() - start) / 1e6);
      start = System.nanoTime();
      second = Tensors.doubles(
          api.smoothL1(new SmoothL1Request().predictions(Tensors.of(predictions, n, c)).labels(Tensors.of(labels, n, c))).getGradients().get("predictions"));
      base64 = Math.min(base64, (System.nanoTime() - start) / 1e6);
    }
    return Map.of("shape", List.of(n, c), "lists", lists, "base64", base64, "equal", Arrays.equals(first, second));
  }

  private static Tensor lists(double[] values, int... shape) {
    return new Tensor().shape(Arrays.stream(shape).boxed().toList()).data(Arrays.stream(values).boxed().toList());
  }

  private static double[] fromLists(Tensor tensor) {
    return tensor.getData().stream().mapToDouble(Double::doubleValue).toArray();
  }
}
