/** Starts a Trino server: the packages that scripts/fetch-trino.sh fetches have all of it but such a class. */
public final class TrinoMain {
  public static void main(String[] args) {
    new io.trino.server.Server().start(args[0]);
  }
}
