package dev.parley.model.hub;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The proxies that the environment names, by the variables that curl and Python read: {@code
 * HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code NO_PROXY}, in either case. Java
 * reads none of them by itself; where none is set, its own properties hold.
 */
final class Proxies extends ProxySelector {
  private final Map<String, String> environment;

  private Proxies(Map<String, String> environment) {
    this.environment = environment;
  }

  static ProxySelector of(Map<String, String> environment) {
    Proxies proxies = new Proxies(environment);
    boolean named =
        proxies.variable("https_proxy").isPresent()
            || proxies.variable("http_proxy").isPresent()
            || proxies.variable("all_proxy").isPresent();
    return named ? proxies : ProxySelector.getDefault();
  }

  @Override
  public List<Proxy> select(URI uri) {
    if (isExcluded(uri.getHost())) {
      return List.of(Proxy.NO_PROXY);
    }
    String name = uri.getScheme().toLowerCase(Locale.ROOT) + "_proxy";
    return variable(name)
        .or(() -> variable("all_proxy"))
        .map(value -> List.of(proxy(name, value)))
        .orElse(List.of(Proxy.NO_PROXY));
  }

  @Override
  public void connectFailed(URI uri, SocketAddress address, IOException failure) {
    // the request itself fails, and says so
  }

  private boolean isExcluded(String host) {
    for (String entry : variable("no_proxy").orElse("").split(",")) {
      String name = entry.strip().toLowerCase(Locale.ROOT);
      String domain = name.startsWith(".") ? name : "." + name;
      String asked = host.toLowerCase(Locale.ROOT);
      if (!name.isEmpty() && (name.equals("*") || asked.equals(name) || asked.endsWith(domain))) {
        return true;
      }
    }
    return false;
  }

  private static Proxy proxy(String variable, String value) {
    try {
      URI uri = URI.create(value.contains("://") ? value : "http://" + value);
      if (uri.getHost() != null && uri.getScheme().startsWith("http")) {
        int port = uri.getPort() >= 0 ? uri.getPort() : 80;
        return new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(uri.getHost(), port));
      }
    } catch (IllegalArgumentException e) {
      // said below
    }
    throw new HubException(
        HubException.Kind.CONFIGURATION,
        "%s names no proxy: expected http://HOST:PORT"
            .formatted(variable.toUpperCase(Locale.ROOT)));
  }

  private Optional<String> variable(String lowerCase) {
    return Optional.ofNullable(environment.get(lowerCase))
        .or(() -> Optional.ofNullable(environment.get(lowerCase.toUpperCase(Locale.ROOT))))
        .filter(value -> !value.isBlank());
  }
}
