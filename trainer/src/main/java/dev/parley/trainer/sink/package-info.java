/** What a training job tells other tools: TensorBoard and MLflow. */
@NullMarked
package dev.parley.trainer.sink;

import org.jspecify.annotations.NullMarked;
