import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.IntStream;
import org.openapitools.client.model.Dtype;
import org.openapitools.client.model.Tensor;

/** Tensors from arrays, and back. */
final class Tensors {
  static Tensor of(double[] values, int... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asDoubleBuffer().put(values);
    return new Tensor().shape(IntStream.of(shape).boxed().toList()).dtype(Dtype.FLOAT64).base64(bytes.array());
  }

  static double[] doubles(Tensor tensor) {
    double[] values = new double[tensor.getBase64().length / 8];
    ByteBuffer.wrap(tensor.getBase64()).order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(values);
    return values;
  }
}
