package dev.parley.model.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * A TorchScript program made from source text. Weights and caches are passed to its methods; it
 * owns none. One call runs a whole method inside libtorch, whatever it computes.
 *
 * <p>A program may be called from several threads; its tensors belong to one thread at a time.
 */
public final class TorchProgram implements AutoCloseable {
  private final PtNDManager manager;
  private final PtSymbolBlock block;
  private final LongAdder inside = new LongAdder();

  private TorchProgram(PtNDManager manager, PtSymbolBlock block) {
    this.manager = manager;
    this.block = block;
  }

  /**
   * Compiles a program.
   *
   * @param parent owns the program's native memory and names its device
   * @param source TorchScript with one class {@code Program(Module)}
   * @param attributes its attributes, see {@link ProgramArchive#pack}
   * @throws ai.djl.engine.EngineException if the source is wrong; the message marks the line
   */
  public static TorchProgram load(NDManager parent, String source, Map<String, Number> attributes) {
    Torch.prepareThread();
    PtNDManager manager = (PtNDManager) parent.newSubManager();
    byte[] archive = ProgramArchive.pack(source, attributes);
    try {
      PtSymbolBlock block =
          JniUtils.loadModule(manager, new ByteArrayInputStream(archive), true, false);
      return new TorchProgram(manager, block);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // from memory: cannot happen
    } catch (RuntimeException e) {
      manager.close();
      throw e;
    }
  }

  /**
   * The source text of a program.
   *
   * @param beside the class that it stands beside, in the same package
   */
  public static String source(Class<?> beside, String resource) {
    try (InputStream in = beside.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("resource " + resource + " is missing from the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Calls a method without recording gradients.
   *
   * @return its result, which the caller closes
   */
  public IValue call(String method, IValue... arguments) {
    Torch.prepareThread();
    long begin = System.nanoTime();
    try {
      return IValueUtils.runMethod(block, method, arguments);
    } finally {
      inside.add(System.nanoTime() - begin);
    }
  }

  /**
   * Nanoseconds that calls of this program have spent inside libtorch, over all threads. On a GPU
   * they end when the work is queued, not when it is done.
   */
  public long nanosInside() {
    return inside.sum();
  }

  /** Calls a method that returns one tensor, which then belongs to {@code owner}. */
  public NDArray tensor(NDManager owner, String method, IValue... arguments) {
    try (IValue result = call(method, arguments)) {
      return result.toTensor((PtNDManager) owner);
    }
  }

  /**
   * Calls a method in which gradients can be taken.
   *
   * @param lists arguments that are lists of tensors, first in the method's signature
   * @param tensors arguments that are tensors, after the lists
   * @return the one tensor that the method returns, owned by {@code owner}
   */
  public NDArray differentiate(
      NDManager owner, String method, List<NDList> lists, NDArray... tensors) {
    Torch.prepareThread();
    JniUtils.setGradMode(true); // of this thread
    try (NDManager scope = owner.newSubManager()) {
      NDList inputs = new NDList();
      try (NDArray name = scope.create(new Shape(0), DataType.FLOAT32)) {
        name.setName("module_method:" + method);
        inputs.add(name); // first, so that the result belongs to its manager
        for (int list = 0; list < lists.size(); list++) {
          for (NDArray element : lists.get(list)) {
            element.setName("list" + list + "[]");
            inputs.add(element);
          }
        }
        for (NDArray tensor : tensors) {
          tensor.setName(null);
          inputs.add(tensor);
        }
        long begin = System.nanoTime();
        NDArray result = IValueUtils.forward(block, inputs, true).singletonOrThrow();
        inside.add(System.nanoTime() - begin);
        result.attach(owner);
        return result;
      }
    } finally {
      JniUtils.setGradMode(false);
    }
  }

  /** A list of tensors as an argument; the caller closes it, the tensors stay as they are. */
  public static IValue list(List<NDArray> tensors) {
    return IValue.listFrom(tensors.toArray(PtNDArray[]::new));
  }

  /** A tensor as an argument; the caller closes it, the tensor stays as it is. */
  public static IValue argument(NDArray tensor) {
    return IValue.from((PtNDArray) tensor);
  }

  @Override
  public void close() {
    block.close();
    manager.close();
  }
}
