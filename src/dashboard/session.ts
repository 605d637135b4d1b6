const TOKEN_KEY = 'hearsay-token'

/** The token of this tab: from the address once, then kept by the tab alone. */
export class Session {
  /** Takes the token out of the address, where it would stay in the history. */
  constructor() {
    const fragment = new URLSearchParams(location.hash.slice(1))
    const token = fragment.get('token')
    if (token === null) return
    sessionStorage.setItem(TOKEN_KEY, token)
    history.replaceState(null, '', location.pathname)
  }

  get token(): string {
    return sessionStorage.getItem(TOKEN_KEY) ?? ''
  }

  set token(token: string) {
    sessionStorage.setItem(TOKEN_KEY, token)
  }
}
